package sensor

import (
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	linuxcalls "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// callTable is the kernel's table of system calls.
func callTable() *kernel.SyscallTable { return linuxcalls.AMD64 }

// installLegacy wraps what newer architectures have in their *at form only.
func (h *hooks) installLegacy(table map[uintptr]kernel.Syscall) {
	hook(table, unix.SYS_ARCH_PRCTL, h.first)
	hook(table, unix.SYS_UNLINK, h.removes(event.CopyUnlink, -1, 0))
	hook(table, unix.SYS_FORK, h.forks)
	hook(table, unix.SYS_VFORK, h.forks)
	hook(table, unix.SYS_OPEN, h.meets)
	hook(table, unix.SYS_RENAME, h.removes(event.CopyReplace, -1, 1))
}
