package sensor

import (
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	linuxcalls "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"
)

// callTable is the kernel's table of system calls.
func callTable() *kernel.SyscallTable { return linuxcalls.ARM64 }

// installLegacy: there is nothing beside the *at forms.
func (h *hooks) installLegacy(map[uintptr]kernel.Syscall) {}
