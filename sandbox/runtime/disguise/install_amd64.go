package disguise

import (
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	linuxcalls "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"
)

// callTable is the kernel's table of system calls.
func callTable() *kernel.SyscallTable { return linuxcalls.AMD64 }

// replaceLegacy wraps what newer architectures have in their *at form only.
func replaceLegacy(table map[uintptr]kernel.Syscall) { replace(table, unix.SYS_OPEN, opens) }
