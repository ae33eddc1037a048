package disguise

import (
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	linuxcalls "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"
)

// callTable is the kernel's table of system calls.
func callTable() *kernel.SyscallTable { return linuxcalls.ARM64 }

// replaceLegacy: there is nothing beside the *at forms.
func replaceLegacy(map[uintptr]kernel.Syscall) {}
