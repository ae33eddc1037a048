// Command guest is what the runtime's tests run inside a sandbox: each
// argument list is one thing to do. It is harmless wherever it runs.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	name := "true"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	action, ok := actions[name]
	if !ok {
		fail(fmt.Errorf("unknown action %q", name))
	}
	action(os.Args[min(2, len(os.Args)):])
}

var actions = map[string]func([]string){
	"true":    func([]string) {},
	"exit":    func(args []string) { os.Exit(number(args[0])) },
	"say":     func(args []string) { fmt.Println(strings.Join(args, " ")) },
	"abort":   func([]string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	"sleep":   func([]string) { fmt.Println("asleep"); time.Sleep(time.Hour) },
	"memfd":   memfd,
	"mount":   func(args []string) { fmt.Println(unix.Mount(args[0], args[1], args[2], 0, "")) },
	"files":   files,
	"connect": connect,
	"engine":  engine,
	"send":    send,
	"serve":   serve,
	"drop":    drop,
	"pour":    func(args []string) { pour(number(args[0])) },
	"fork":    func(args []string) { fork(number(args[0])) },
	"open":    func(args []string) { open(args[0], number(args[1])) },
	"eat":     func(args []string) { eat(number(args[0])) },
	"id":      func([]string) { fmt.Println(os.Getuid(), os.Getgid(), groups()) },
	"euid":    func([]string) { fmt.Println(os.Getuid(), os.Geteuid()) },
	"thread":  thread,
	"escape":  escape,
	"orphan":  orphan,
	"doors":   doors,
	"peek":    peek,
	"wx":      wx,
	"vanish":  vanish,
	"miner":   miner,
	"talk":    talk,
	"mix":     mix,
	"remove":  remove,
}

// memfd runs a copy of this program from memory.
func memfd(args []string) {
	self, err := os.ReadFile("/proc/self/exe")
	fail(err)
	fd, err := unix.MemfdCreate("payload", 0)
	fail(err)
	f := os.NewFile(uintptr(fd), "payload")
	_, err = f.Write(self)
	fail(err)
	fail(syscall.Exec("/proc/self/fd/"+strconv.Itoa(fd), append([]string{"[kworker/0:1]"}, args...), nil))
}

// files does one of everything that the sensor decodes.
func files([]string) {
	fail(os.Mkdir("/work", 0o700))
	fail(os.Chdir("/work"))
	fail(os.WriteFile("one", []byte("1"), 0o600))
	dir, err := os.Open("/work")
	fail(err)
	at := int(dir.Fd())
	fail(unix.Renameat(unix.AT_FDCWD, "one", at, "two"))
	fail(unix.Fchmodat(at, "two", 0o4755, 0))
	fail(unix.Linkat(at, "two", at, "three", 0))
	fail(unix.Symlinkat("two", at, "link"))
	fail(os.Chown("/work/../work/two", 0, 0))
	fail(os.Truncate("two", 0))
	fail(unix.Setxattr("two", "user.mark", []byte("x"), 0))
	fail(unix.Unlinkat(at, "three", 0))
	fail(os.Remove("link"))
	fail(unix.Mknod("node", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	f, err := os.Open("/etc/shadow")
	fail(err)
	f.Close()
	_, err = os.ReadFile("/etc/passwd")
	fail(err)
	_ = os.Remove("/etc/hostname")
	_ = os.Remove("/no/such/file")
	name, err := unix.BytePtrFromString("renamed")
	fail(err)
	fail(unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0))
	fail(unix.Chroot("/work"))
	_ = unix.Unlink("/two")
}

// drop writes a copy of this program and runs it.
func drop(args []string) {
	self, err := os.ReadFile("/proc/self/exe")
	fail(err)
	fail(os.WriteFile(args[0], self, 0o755))
	fail(exec.Command(args[0], "true").Run())
}

func pour(n int) {
	block := []byte(strings.Repeat("x", 1<<10-1) + "\n")
	for ; n > 0; n-- {
		_, err := os.Stdout.Write(block)
		fail(err)
	}
	fmt.Println("the end")
}

// fork starts children that sleep until it cannot.
func fork(n int) {
	for i := range n {
		c := exec.Command("/proc/self/exe", "sleep")
		if err := c.Start(); err != nil {
			fmt.Println("stopped at", i, err)
			return
		}
	}
	fmt.Println("never stopped")
}

// open floods the sensor: n files are made by each of four processes, and each
// runs a few programs in between.
func open(dir string, n int) {
	fail(os.MkdirAll(dir, 0o755))
	for i := range n {
		name := filepath.Join(dir, strconv.Itoa(i%16))
		fail(os.WriteFile(name, nil, 0o600))
		if i%500 == 0 {
			fail(exec.Command("/proc/self/exe", "true", strconv.Itoa(i)).Run())
		}
	}
}

// thread replaces the program from another thread than the first.
func thread([]string) {
	done := make(chan error)
	for range 8 {
		go func() {
			time.Sleep(10 * time.Millisecond)
			if unix.Gettid() != unix.Getpid() {
				done <- syscall.Exec("/proc/self/exe", []string{"guest", "drop", "/tmp/after"}, nil)
			}
			time.Sleep(time.Second)
		}()
	}
	fail(<-done)
}

// escape tries what breaks out of careless containers. None of it can work.
func escape([]string) {
	fmt.Println(unix.Unshare(unix.CLONE_NEWUTS))
	fmt.Println(unix.PivotRoot("/tmp", "/tmp/old"))
	fmt.Println(unix.Unmount("/sys", unix.MNT_DETACH))
	_, _, errno := unix.Syscall(unix.SYS_INIT_MODULE, 0, 0, 0)
	fmt.Println(errno)
	_, _, errno = unix.Syscall(unix.SYS_BPF, 5, 0, 0)
	fmt.Println(errno)
	fmt.Println(unix.PtraceAttach(1))
	f, err := os.Open("/proc/self/ns/mnt")
	if err == nil {
		fmt.Println(unix.Setns(int(f.Fd()), unix.CLONE_NEWNS))
	}
	fmt.Println(unix.Kill(12345, unix.SIGTERM))
	fmt.Println(syscall.Exec("/no/such/program", []string{"program", "--flag"}, nil))
}

// doors knocks at the kernel's rarer doors.
func doors([]string) {
	call := func(nr uintptr, args ...uintptr) {
		var a [6]uintptr
		copy(a[:], args)
		_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		fmt.Println(nr, errno)
	}
	text := func(s string) uintptr {
		p, err := unix.BytePtrFromString(s)
		fail(err)
		kept = append(kept, p)
		return uintptr(unsafe.Pointer(p))
	}
	block := make([]byte, 256)
	buffer := uintptr(unsafe.Pointer(&block[0]))
	call(unix.SYS_KEYCTL, 0, 0xfffffffd)
	call(unix.SYS_ADD_KEY, text("user"), text("secret"), buffer, 4, 0xfffffffd)
	call(unix.SYS_IO_URING_SETUP, 8, buffer)
	call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC)
	call(unix.SYS_PERF_EVENT_OPEN, buffer, 0, 0, 0, 0)
	call(unix.SYS_INIT_MODULE, buffer, 256, text("debug=1"))
	f, err := os.Create("/tmp/evil.ko")
	fail(err)
	call(unix.SYS_FINIT_MODULE, f.Fd(), text("a=b"), 0)
	block[0] = 3 // BPF_PROG_TYPE_SCHED_CLS
	call(unix.SYS_BPF, 5, buffer, 48)
	call(unix.SYS_PROCESS_VM_WRITEV, 1, buffer, 0, buffer, 0, 0)
	call(unix.SYS_PTRACE, 0x4206, 1, 0, 0)
	call(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)
	block[0] = 5 // CPUs 0 and 2
	call(unix.SYS_SCHED_SETAFFINITY, 0, 8, buffer)
	call(unix.SYS_SWAPON, text("/dev/sda2"), 0)
	call(unix.SYS_REBOOT, 0xfee1dead, 672274793, 0x1234567)
	call(unix.SYS_SYSLOG, 3, buffer, 256)
	call(unix.SYS_SOCKET, unix.AF_ALG, unix.SOCK_SEQPACKET, 0)
	call(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM, 0)

	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP)
	fail(err)
	program := unix.SockFprog{}
	call(unix.SYS_SETSOCKOPT, uintptr(raw), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, uintptr(unsafe.Pointer(&program)), unsafe.Sizeof(program))
	_ = unix.SetsockoptInt(raw, unix.IPPROTO_IP, unix.IP_HDRINCL, 1)
	clear(block)
	copy(block, "eth0")
	block[unix.IFNAMSIZ+1] = 1 // IFF_PROMISC
	call(unix.SYS_IOCTL, uintptr(raw), unix.SIOCSIFFLAGS, buffer)
	clear(block)
	block[0] = 0x10 // FS_IMMUTABLE_FL
	call(unix.SYS_IOCTL, f.Fd(), 0x40086602, buffer)
	block[0] = 'x'
	call(unix.SYS_IOCTL, 0, unix.TIOCSTI, buffer)
	fail(unix.UtimesNano("/tmp/evil.ko", []unix.Timespec{{Sec: 1}, {Sec: 86400}}))
	_ = unix.Setxattr("/tmp/evil.ko", "security.capability", []byte{1, 0, 0, 2}, 0)
}

var kept []*byte // that the kernel was told of

// vanish leaves nothing of what it ran, wrote and replaced.
func vanish([]string) {
	drop([]string{"/tmp/once"})
	fail(os.Remove("/tmp/once"))
	fail(os.WriteFile("/tmp/job", []byte("* * * * * root /tmp/once\n"), 0o600))
	fail(os.WriteFile("/tmp/other", []byte("nothing\n"), 0o600))
	fail(os.Rename("/tmp/other", "/tmp/job"))
	fail(os.WriteFile("/dev/shm/.kept", []byte("#!/bin/sh\nexit 0\n"), 0o700))
	fail(os.WriteFile("/tmp/large", make([]byte, 1<<20), 0o600))
	fail(os.Remove("/tmp/large"))
	fail(os.Remove("/etc/hostname")) // the image's own
}

var heap []byte

// mix is what ordinary programs ask of a kernel; it says how long it took.
func mix([]string) {
	begun := time.Now()
	f, err := os.Open("/proc/self/exe")
	fail(err)
	block := make([]byte, 4096)
	for i := range 20_000 {
		_ = syscall.Getppid()
		_, err := f.ReadAt(block, int64(i%256)*4096)
		fail(err)
		if i%10 == 0 {
			f, err := os.Open("/etc/passwd")
			fail(err)
			f.Close()
		}
		if i%20 == 0 {
			fail(os.WriteFile("/tmp/mix", nil, 0o600))
			fail(os.Remove("/tmp/mix"))
		}
		if i%500 == 0 {
			fail(exec.Command("/proc/self/exe", "true").Run())
		}
	}
	fmt.Println(time.Since(begun))
}

// remove tries to remove files that are not there.
func remove(args []string) {
	for range number(args[0]) {
		_ = syscall.Unlink("/no")
	}
}

// orphan leaves a child behind that ignores being told to end.
func orphan([]string) {
	if len(os.Args) > 2 {
		signal.Ignore()
		time.Sleep(time.Hour)
	}
	fail(exec.Command("/proc/self/exe", "orphan", "child").Start())
}

func groups() []int {
	g, _ := os.Getgroups()
	return g
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	fail(err)
	return n
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(70)
	}
}
