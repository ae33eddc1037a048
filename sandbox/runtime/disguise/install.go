package disguise

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	_ "unsafe" // for linkname

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	_ "gvisor.dev/gvisor/pkg/sentry/kernel/version" // its variable
	"gvisor.dev/gvisor/pkg/sentry/usage"
)

// The kernel that guests see is Ubuntu's for 22.04. It is the one that the
// simulated network's Docker says it runs on.
const (
	Release = "5.15.0-105-generic"
	Version = "#115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024"
)

//go:linkname release gvisor.dev/gvisor/pkg/sentry/kernel/version.release
var release string

// leastMemory is what the guest sees at least, in bytes; more where the machine
// has more. How much it gets is another matter.
const leastMemory = 8 << 30

// leastCPUs is how many processors the guest sees at least.
const leastCPUs = 4

// Install changes gVisor's table of system calls, and what kernels say that are
// made from now on. Call it once, in the process that becomes the Sentry.
func Install() {
	calls := callTable()
	release = Release
	usage.MinimumTotalMemoryBytes = leastMemory
	d := &disguise{}
	for nr, wrap := range map[uintptr]func(kernel.SyscallFn) kernel.SyscallFn{
		unix.SYS_UNAME:   uname,
		unix.SYS_SYSLOG:  func(kernel.SyscallFn) kernel.SyscallFn { return syslog },
		unix.SYS_OPENAT:  opens,
		unix.SYS_OPENAT2: opens,
		unix.SYS_MOUNT:   mounts,
	} {
		replace(calls.Table, nr, wrap)
	}
	replaceLegacy(calls.Table)
	for nr := range calls.Table {
		replace(calls.Table, nr, d.first)
	}
	calls.Init() // it copies the functions for quick look-up
}

func replace(table map[uintptr]kernel.Syscall, nr uintptr, wrap func(kernel.SyscallFn) kernel.SyscallFn) {
	if sc, ok := table[nr]; ok && sc.Fn != nil {
		sc.Fn = wrap(sc.Fn)
		table[nr] = sc
	}
}

// CPUs changes the arguments of the Sentry's process so that the guest sees
// enough processors. It must come before they are parsed.
func CPUs(args []string) []string {
	at := slices.Index(args, "boot")
	if at < 0 || runtime.NumCPU() >= leastCPUs {
		return args
	}
	return slices.Insert(args, at+1, fmt.Sprintf("--cpu-num=%d", leastCPUs))
}

// disguise is that of the one kernel of a process.
type disguise struct{ once sync.Once }

// first does its work before the first call of the guest.
func (d *disguise) first(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		d.once.Do(func() { dressAll(t) })
		return fn(t, nr, args)
	}
}

// uname puts the version of the build in the place of gVisor's, which is a constant.
func uname(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		result, control, err := fn(t, nr, args)
		if err == nil {
			var version [linux.UTSLen + 1]byte
			copy(version[:], Version)
			const before = 3 * (linux.UTSLen + 1) // system, host and release
			_, err = t.CopyOutBytes(args[0].Pointer()+hostarch.Addr(before), version[:])
		}
		return result, control, err
	}
}

// Actions of syslog(2), include/linux/syslog.h.
const (
	syslogReadAll    = 3
	syslogReadClear  = 4
	syslogSizeUnread = 9
	syslogSizeBuffer = 10
)

// syslog answers as a kernel does that keeps its log from users: Ubuntu's, with
// kernel.dmesg_restrict. Who has the right sees how this machine started.
func syslog(t *kernel.Task, _ uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
	if !t.HasRootCapability(linux.CAP_SYSLOG) && !t.HasRootCapability(linux.CAP_SYS_ADMIN) {
		return 0, nil, linuxerr.EPERM
	}
	text := bootLog()
	switch args[0].Int() {
	case syslogReadAll, syslogReadClear:
		size := int(args[2].Int())
		if size < 0 {
			return 0, nil, linuxerr.EINVAL
		}
		if len(text) > size {
			text = text[len(text)-size:]
		}
		n, err := t.CopyOutBytes(args[1].Pointer(), []byte(text))
		return uintptr(n), nil, err
	case syslogSizeUnread:
		return uintptr(len(text)), nil, nil
	case syslogSizeBuffer:
		return 1 << 18, nil, nil
	}
	return 0, nil, nil
}
