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
		unix.SYS_SETXATTR:     pathCall(event.Setxattr, -1, 0, attributeFrom()),
		unix.SYS_LSETXATTR:    pathCall(event.Setxattr, -1, 0, attributeFrom()),
		unix.SYS_FSETXATTR:    fdCall(event.Setxattr, attributeFrom()),
		unix.SYS_MEMFD_CREATE: decodeMemfd,
		unix.SYS_UTIMENSAT:    decodeUtimensat,
		unix.SYS_READLINKAT:   decodeReadlink(0, 1),

		unix.SYS_MOUNT:      decodeMount,
		unix.SYS_UMOUNT2:    pathCall(event.Umount, -1, 0, flagsFrom(1)),
		unix.SYS_PIVOT_ROOT: decodePivotRoot,
		unix.SYS_CHROOT:     pathCall(event.Chroot, -1, 0, nil),
		unix.SYS_UNSHARE:    decodeFlags(event.Unshare, 0),
		unix.SYS_SETNS:      decodeSetns,
		unix.SYS_FSOPEN:     decodeFsopen,

		unix.SYS_PTRACE:            decodePtrace,
		unix.SYS_PROCESS_VM_READV:  decodeProcessVM("process_vm_readv"),
		unix.SYS_PROCESS_VM_WRITEV: decodeProcessVM("process_vm_writev"),
		unix.SYS_KILL:              decodeKill(0, 1),
		unix.SYS_TKILL:             decodeKill(0, 1),
		unix.SYS_TGKILL:            decodeKill(0, 2),
		unix.SYS_RT_SIGQUEUEINFO:   decodeKill(0, 1),
		unix.SYS_PRCTL:             decodePrctl,
		unix.SYS_MPROTECT:          decodeMprotect,
		unix.SYS_SETUID:            setuid("setuid", 1),
		unix.SYS_SETGID:            setuid("setgid", 1),
		unix.SYS_SETREUID:          setuid("setreuid", 2),
		unix.SYS_SETREGID:          setuid("setregid", 2),
		unix.SYS_SETRESUID:         setuid("setresuid", 3),
		unix.SYS_SETRESGID:         setuid("setresgid", 3),

		unix.SYS_INIT_MODULE:       decodeInitModule,
		unix.SYS_FINIT_MODULE:      decodeFinitModule,
		unix.SYS_DELETE_MODULE:     withText("delete_module", 0),
		unix.SYS_BPF:               decodeBPF,
		unix.SYS_IOCTL:             decodeIoctl,
		unix.SYS_PERF_EVENT_OPEN:   decodePerf,
		unix.SYS_USERFAULTFD:       decodeNamedFlags("userfaultfd", 0),
		unix.SYS_KEYCTL:            numbered("keyctl", 0, 1),
		unix.SYS_ADD_KEY:           decodeAddKey,
		unix.SYS_OPEN_BY_HANDLE_AT: numbered("open_by_handle_at", 0),
		unix.SYS_IO_URING_SETUP:    numbered("io_uring_setup", 0),
		unix.SYS_KEXEC_LOAD:        numbered("kexec_load"),
		unix.SYS_KEXEC_FILE_LOAD:   numbered("kexec_file_load"),
		unix.SYS_REBOOT:            numbered("reboot", 0, 1, 2),
		unix.SYS_SWAPON:            onPath("swapon", 0),
		unix.SYS_SWAPOFF:           onPath("swapoff", 0),
		unix.SYS_OPEN_TREE:         numbered("open_tree", 0),
		unix.SYS_MOVE_MOUNT:        numbered("move_mount", 0),
		unix.SYS_SCHED_SETAFFINITY: decodeAffinity,
		unix.SYS_PIDFD_OPEN:        numbered("pidfd_open", 0),
		unix.SYS_SYSLOG:            numbered("syslog", 0),
		unix.SYS_UNAME:             numbered("uname"),
		unix.SYS_SPLICE:            decodeOnFD("splice", 0),
		unix.SYS_VMSPLICE:          decodeOnFD("vmsplice", 0),
		unix.SYS_TEE:               decodeOnFD("tee", 0),
		unix.SYS_MSGSND:            numbered("msgsnd", 0, 2),
		unix.SYS_SETHOSTNAME:       withText("sethostname", 0),
		unix.SYS_SETTIMEOFDAY:      numbered("settimeofday"),
		unix.SYS_CLOCK_SETTIME:     numbered("clock_settime", 0),
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
