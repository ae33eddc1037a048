package event

// Kind says what happened.
type Kind string

// The kinds, each with what its fields mean. Path, Target and FD are absolute
// paths and descriptors wherever they are named; Errno says how an attempt
// failed and is 0 where the call is decoded before it runs. Those marked
// critical are never dropped by the sensor: it makes the guest wait instead.
const (
	// Programs and processes.
	Start   Kind = "start"    // critical. PID 1 begins (has no exec event): Exec; Args: the guest's wall clock at Time 0, in ns since 1970
	Exec    Kind = "exec"     // critical. A program was loaded: Exec
	ExecTry Kind = "exec_try" // execve entered; an Exec follows when it succeeded. Exec: path and argv; Flags of execveat
	Clone   Kind = "clone"    // critical. New thread or process; Child, Flags, Args: its process id and start in ns
	Exit    Kind = "exit"     // critical. A thread group ended: Exit
	Setuid  Kind = "setuid"   // Name: which of set*id; Args: the ids
	Name    Kind = "name"     // prctl(PR_SET_NAME): Name
	Kill    Kind = "kill"     // kill, tkill, tgkill, rt_sigqueueinfo. Args: pid and signal; signal 0 only asks
	Ptrace  Kind = "ptrace"   // critical. Args: request, pid; Name: the request's name where it is known
	// ProcessVM is critical. Name: process_vm_readv or process_vm_writev; Args: pid.
	ProcessVM Kind = "process_vm"
	// WXMemory is memory that becomes executable and has no file behind it, or
	// was writable. Name: mmap or mprotect; Flags: the protection, where known
	// (PROT_WRITE 2, PROT_EXEC 4).
	WXMemory Kind = "wx_memory"
	// Memory is a byte rule that matches what a process had in memory beside the
	// files that it had mapped: at the end of a run, or of a program that did
	// not come with the image. Name: the rule (see package scan); Data: what was found.
	Memory  Kind = "memory"
	MapExec Kind = "map_exec" // executable mapping of Path, a file that did not come with the image; Mode

	// Files.
	Open     Kind = "open"     // critical when it could change the file. Flags tell how; Target is the path as given when links led to another Path; Mode with O_CREAT
	Readlink Kind = "readlink" // of another process' /proc/N/exe, cwd, root, fd/N: Path
	Unlink   Kind = "unlink"   // critical. Path removed; Flags AT_REMOVEDIR for a folder
	Rename   Kind = "rename"   // critical. Path became Target; Flags of renameat2
	Link     Kind = "link"     // Path is a new hard link to Target
	Symlink  Kind = "symlink"  // Path is a new symlink to Target, as written
	Mkdir    Kind = "mkdir"    // Mode
	Chmod    Kind = "chmod"    // Mode on Path
	Chown    Kind = "chown"    // Args: user and group, -1 for unchanged
	Truncate Kind = "truncate" // Args: size
	Setxattr Kind = "setxattr" // Name on Path; Data: the value's beginning
	Utimes   Kind = "utimes"   // times of Path set; Args: access and modification time in s since 1970, 0 for now, -1 for unchanged
	Mknod    Kind = "mknod"    // Mode and Device on Path
	// MemfdMake is critical. Name; Flags; FD.
	MemfdMake Kind = "memfd"

	// Mounts, roots and namespaces.
	Mount     Kind = "mount"      // critical. Target (source) on Path with FSType and Flags; Data: the options
	Umount    Kind = "umount"     // Path, Flags
	PivotRoot Kind = "pivot_root" // critical. Path: new root; Target: where the old one goes
	Chroot    Kind = "chroot"     // critical. Path
	// Setns is critical. FD and Flags (CLONE_NEW*); Path: what was opened as FD,
	// such as /proc/1/ns/mnt; Args: the process whose namespace it is, where it can be told.
	Setns   Kind = "setns"
	Unshare Kind = "unshare" // Flags: CLONE_NEW*

	// Sockets.
	Socket  Kind = "socket"  // Args: domain, type, protocol; AF_ALG 38, AF_VSOCK 40, AF_PACKET 17
	Connect Kind = "connect" // critical. Local and Remote
	Bind    Kind = "bind"    // Local
	Listen  Kind = "listen"  // critical. Local; Args: backlog
	Accept  Kind = "accept"  // critical. Local and Remote
	Send    Kind = "send"    // datagram without connect: Local and Remote
	// Sockopt is a socket option of interest. Name: SO_ATTACH_FILTER,
	// SO_ATTACH_BPF, IP_HDRINCL, PACKET_ADD_MEMBERSHIP …; Args: the value's first number.
	Sockopt Kind = "sockopt"

	// Payload is the first bytes that a process moved over an IP or Unix socket,
	// once for each socket and direction. Name: sent or received; Data: the bytes; Local and Remote.
	Payload Kind = "payload"

	// The kernel's rarer doors.
	Module Kind = "module" // critical. Name: init_module or finit_module; Path of the file; Args: size of init_module's image; Data: parameters
	BPF    Kind = "bpf"    // Args: command, and for BPF_PROG_LOAD (5) the type of program; Name: the command's name
	// Ioctl is one of interest on Path (FD). Name: SIOCSIFFLAGS (Data: interface;
	// Flags: IFF_*, IFF_PROMISC 0x100), FS_IOC_SETFLAGS (Flags: FS_IMMUTABLE_FL 0x10,
	// FS_APPEND_FL 0x20), TIOCSTI (Data: the byte), TUNSETIFF, SIOCSIFHWADDR, LOOP_SET_FD, BLKDISCARD ….
	Ioctl Kind = "ioctl"
	// Syscall is any other system call of interest. Name; Args and texts by name:
	//
	//	keyctl              Args: operation, first argument
	//	add_key             Data: type and description, separated by ";"
	//	io_uring_setup      Args: entries
	//	userfaultfd         Flags
	//	perf_event_open     Args: pid, type
	//	prctl               Args: option, second argument; PR_SET_DUMPABLE 4, PR_SET_MM 35, PR_SET_PTRACER
	//	sched_setaffinity   Args: pid, number of CPUs in the mask; Flags: the mask's first word
	//	pidfd_open          Args: pid
	//	syslog              Args: action
	//	splice, vmsplice, tee   FD of the source
	//	msgsnd              Args: queue, size
	//	swapon, swapoff     Path
	//	reboot              Args: magic numbers and command
	//	open_by_handle_at, open_tree, move_mount, fsopen (FSType), kexec_load,
	//	kexec_file_load, delete_module (Data: module), iopl, ioperm, sethostname (Data), settimeofday, clock_settime
	Syscall Kind = "syscall"

	// Limit is the first time that the guest met a limit of the sandbox. Name:
	// processes, disk or open_files.
	Limit Kind = "limit"

	// The guest's time. ClockJump is critical: all clocks are about to jump; the
	// task is whose wait it ends. Name: what waited (wait, alarm, interval,
	// timerfd), busy for a guest that never rests, or ordered; Args: nanoseconds
	// that are skipped, the wall clock before in ns since 1970.
	ClockJump Kind = "clock_jump"
	// ClockRest is critical: the clocks jump no further, or the run is over. Name:
	// why, "" at the end. Args: skipped in all, jumps, longest wait at
	// whose end the guest acted, how many timers are still pending, those that
	// only tick left out, how long until the last of them expires; times in ns.
	// The task is the one that waits for it.
	ClockRest Kind = "clock_rest"

	// The stream itself.
	Lost         Kind = "lost"          // Args[0] non-critical events were dropped before this one
	LostCritical Kind = "lost_critical" // must never be seen; makes a run inconclusive
)
