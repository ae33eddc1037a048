package sensor

import (
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// decoders is the list of system calls that are watched. Numbers are the ones
// of the architecture that this binary is built for, which is the guest's.
func decoders() map[uint64]decoder {
	table := map[uint64]decoder{
		unix.SYS_EXECVE:   decodeExecve,
		unix.SYS_EXECVEAT: decodeExecveat,

		unix.SYS_OPENAT:       decodeOpenat,
		unix.SYS_OPENAT2:      decodeOpenat2,
		unix.SYS_UNLINKAT:     pathCall(event.Unlink, 0, 1, flagsFrom(2)),
		unix.SYS_RENAMEAT2:    decodeRenameat2,
		unix.SYS_LINKAT:       decodeLinkat,
		unix.SYS_SYMLINKAT:    decodeSymlinkat,
		unix.SYS_MKDIRAT:      pathCall(event.Mkdir, 0, 1, modeFrom(2)),
		unix.SYS_FCHMOD:       fdCall(event.Chmod, modeFrom(1)),
		unix.SYS_FCHMODAT:     pathCall(event.Chmod, 0, 1, modeFrom(2)),
		unix.SYS_FCHOWN:       fdCall(event.Chown, ownersFrom(1)),
		unix.SYS_FCHOWNAT:     pathCall(event.Chown, 0, 1, ownersFrom(2)),
		unix.SYS_TRUNCATE:     pathCall(event.Truncate, -1, 0, sizeFrom(1)),
		unix.SYS_FTRUNCATE:    fdCall(event.Truncate, sizeFrom(1)),
		unix.SYS_MKNODAT:      pathCall(event.Mknod, 0, 1, nodeFrom(2)),
		unix.SYS_SETXATTR:     pathCall(event.Setxattr, -1, 0, attributeFrom(1)),
		unix.SYS_LSETXATTR:    pathCall(event.Setxattr, -1, 0, attributeFrom(1)),
		unix.SYS_FSETXATTR:    fdCall(event.Setxattr, attributeFrom(1)),
		unix.SYS_MEMFD_CREATE: decodeMemfd,

		unix.SYS_MOUNT:      decodeMount,
		unix.SYS_UMOUNT2:    pathCall(event.Umount, -1, 0, flagsFrom(1)),
		unix.SYS_PIVOT_ROOT: decodePivotRoot,
		unix.SYS_CHROOT:     pathCall(event.Chroot, -1, 0, nil),
		unix.SYS_UNSHARE:    decodeFlags(event.Unshare, 0),
		unix.SYS_SETNS:      decodeSetns,
		unix.SYS_FSOPEN:     decodeFsopen,

		unix.SYS_PTRACE:            numbers(event.Ptrace, 2),
		unix.SYS_PROCESS_VM_READV:  numbers(event.ProcessVM, 1),
		unix.SYS_PROCESS_VM_WRITEV: numbers(event.ProcessVM, 1),
		unix.SYS_KILL:              decodeKill(0, 1),
		unix.SYS_TKILL:             decodeKill(0, 1),
		unix.SYS_TGKILL:            decodeKill(0, 2),
		unix.SYS_PRCTL:             decodePrctl,
		unix.SYS_SETUID:            setuid("setuid", 1),
		unix.SYS_SETGID:            setuid("setgid", 1),
		unix.SYS_SETREUID:          setuid("setreuid", 2),
		unix.SYS_SETREGID:          setuid("setregid", 2),
		unix.SYS_SETRESUID:         setuid("setresuid", 3),
		unix.SYS_SETRESGID:         setuid("setresgid", 3),

		unix.SYS_INIT_MODULE:       decodeInitModule,
		unix.SYS_FINIT_MODULE:      decodeFinitModule,
		unix.SYS_BPF:               numbers(event.BPF, 1),
		unix.SYS_PERF_EVENT_OPEN:   named("perf_event_open", 0),
		unix.SYS_USERFAULTFD:       named("userfaultfd", 1),
		unix.SYS_KEYCTL:            named("keyctl", 1),
		unix.SYS_ADD_KEY:           named("add_key", 0),
		unix.SYS_OPEN_BY_HANDLE_AT: named("open_by_handle_at", 1),
		unix.SYS_IO_URING_SETUP:    named("io_uring_setup", 1),
		unix.SYS_DELETE_MODULE:     named("delete_module", 0),
		unix.SYS_KEXEC_LOAD:        named("kexec_load", 0),
		unix.SYS_REBOOT:            named("reboot", 3),
		unix.SYS_SWAPON:            named("swapon", 0),
		unix.SYS_OPEN_TREE:         named("open_tree", 1),
		unix.SYS_MOVE_MOUNT:        named("move_mount", 1),
	}
	socketCalls(table)
	legacyCalls(table)
	return table
}

// beforeCall tells which system calls are decoded before they run: those that
// change what their arguments mean. All others are decoded afterwards, when the
// result is known.
func beforeCall(nr uint64) bool {
	switch nr {
	case unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT:
		return true
	}
	return false
}
