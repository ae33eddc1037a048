package runtime_test

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

func TestStartTellsTheProgram(t *testing.T) {
	s := run(t, newSpec(t, "guest", "true"))
	start := s.events[0]
	if start.Kind != event.Start || start.Task.PID != 1 || start.Task.CWD != "/" || start.Time != 0 {
		t.Fatalf("first event is %+v", start)
	}
	p := start.Exec
	if p.Path != "/bin/guest" || len(p.SHA256) != 64 || !p.Lower || p.Drift() || p.Size == 0 || p.Mode&0o777 != 0o755 {
		t.Errorf("program %+v", p)
	}
	if len(p.Argv) != 2 || p.Argv[0] != "guest" || len(p.Env) != 2 {
		t.Errorf("argv %q, env %q", p.Argv, p.Env)
	}
}

func TestPipeline(t *testing.T) {
	s := run(t, newSpec(t, "sh", "-c", "/bin/cat /etc/passwd /proc/1/stat | /bin/tr a-z A-Z"))
	if !strings.Contains(string(s.Stdout), "ROOT:X:0:0") {
		t.Errorf("stdout %q %q", s.Stdout, s.Stderr)
	}
	cat := s.one(t, event.Exec, argv(0, "/bin/cat"))
	tr := s.one(t, event.Exec, argv(0, "/bin/tr"))
	for _, ev := range []event.Event{cat, tr} {
		if ev.Exec.Path != "/bin/busybox" || len(ev.Exec.SHA256) != 64 || ev.Exec.Drift() || ev.Task.PPID != 1 || ev.Task.CWD != "/" {
			t.Errorf("exec %+v by %+v", ev.Exec, ev.Task)
		}
	}
	out, in := cat.Exec.Stdio[1], tr.Exec.Stdio[0]
	if out == nil || in == nil || out.Kind != "pipe" || in.Kind != "pipe" || out.Inode == 0 || out.Inode != in.Inode {
		t.Fatalf("cat writes to %+v, tr reads from %+v", out, in)
	}
	if (out.Peer == nil || out.Peer.PID != tr.Task.PID) && (in.Peer == nil || in.Peer.PID != cat.Task.PID) {
		t.Errorf("neither end knows its peer: %+v %+v", out.Peer, in.Peer)
	}
	for _, pid := range []int32{cat.Task.PID, tr.Task.PID} {
		s.one(t, event.Clone, func(ev event.Event) bool { return ev.Child == pid && ev.Args[0] == int64(pid) })
		exit := s.one(t, event.Exit, func(ev event.Event) bool { return ev.Task.PID == pid })
		if *exit.Exit != (event.Status{}) {
			t.Errorf("process %d ended with %+v", pid, *exit.Exit)
		}
	}
}

func TestMemfdProgram(t *testing.T) {
	s := run(t, newSpec(t, "guest", "memfd", "say", "from memory"))
	if string(s.Stdout) != "from memory\n" {
		t.Errorf("stdout %q %q", s.Stdout, s.Stderr)
	}
	if ev := s.one(t, event.MemfdMake, nil); ev.Name != "payload" || ev.FD < 3 {
		t.Errorf("memfd %+v", ev)
	}
	p := s.one(t, event.Exec, argv(1, "say")).Exec
	if !p.Memfd || !p.Drift() || p.SHA256 != s.events[0].Exec.SHA256 || p.Argv[0] != "[kworker/0:1]" {
		t.Errorf("program %+v", p)
	}
	s.one(t, event.ExecTry, func(ev event.Event) bool { return strings.HasPrefix(ev.Exec.Path, "/proc/self/fd/") })
}

func TestDroppedProgram(t *testing.T) {
	for _, where := range []string{"/tmp/dropped", "/dev/shm/dropped", "/bin/true"} {
		t.Run(where, func(t *testing.T) {
			s := run(t, newSpec(t, "guest", "drop", where))
			if where == "/dev/shm/dropped" {
				// Mounted noexec, as in Docker: the attempt is seen.
				s.one(t, event.ExecTry, func(ev event.Event) bool { return ev.Exec.Path == where })
				return
			}
			p := s.one(t, event.Exec, argv(0, where)).Exec
			want := where
			if where == "/bin/true" {
				want = "/bin/busybox" // what the link led to was overwritten
			}
			if !p.Drift() || p.Path != want || p.SHA256 != s.events[0].Exec.SHA256 {
				t.Errorf("program %+v", p)
			}
			c, ok := s.changes(t)[want]
			if !ok || c.Header.Size != p.Size {
				t.Errorf("difference has %+v", c.Header)
			}
		})
	}
}

func TestFileCalls(t *testing.T) {
	spec := newSpec(t, "guest", "files")
	spec.ReadsOf = []string{"/etc/shadow", "/root/"}
	s := run(t, spec)
	if *s.Exit != (event.Status{}) {
		t.Fatalf("exit %+v, stderr %q", *s.Exit, s.Stderr)
	}
	tests := []struct {
		kind event.Kind
		path string
		want func(event.Event) bool
	}{
		{event.Mkdir, "/work", func(ev event.Event) bool { return ev.Mode == 0o700 }},
		{event.Open, "/work/one", func(ev event.Event) bool { return ev.Flags&unix.O_CREAT != 0 && ev.Mode == 0o600 && ev.FD > 2 }},
		{event.Rename, "/work/one", func(ev event.Event) bool { return ev.Target == "/work/two" }},
		{event.Chmod, "/work/two", func(ev event.Event) bool { return ev.Mode == 0o4755 }},
		{event.Link, "/work/three", func(ev event.Event) bool { return ev.Target == "/work/two" }},
		{event.Symlink, "/work/link", func(ev event.Event) bool { return ev.Target == "two" }},
		{event.Chown, "/work/two", func(ev event.Event) bool { return len(ev.Args) == 2 && ev.Args[0] == 0 }},
		{event.Truncate, "/work/two", func(ev event.Event) bool { return ev.Args[0] == 0 }},
		{event.Setxattr, "/work/two", func(ev event.Event) bool { return ev.Name == "user.mark" }},
		{event.Unlink, "/work/three", func(ev event.Event) bool { return ev.Errno == 0 }},
		{event.Unlink, "/work/link", nil},
		{event.Mknod, "/work/node", func(ev event.Event) bool { return ev.Mode&unix.S_IFMT == unix.S_IFCHR && ev.Device == unix.Mkdev(1, 3) }},
		{event.Open, "/etc/shadow", func(ev event.Event) bool { return ev.Flags&unix.O_ACCMODE == unix.O_RDONLY }},
		{event.Unlink, "/etc/hostname", nil},
		{event.Unlink, "/work/two", nil}, // as /two, inside the changed root
		{event.Chroot, "/work", nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.kind, " ", tt.path), func(t *testing.T) {
			ev := s.one(t, tt.kind, path(tt.path))
			if tt.want != nil && !tt.want(ev) {
				t.Errorf("event %+v", ev)
			}
		})
	}
	missing := s.find(event.Unlink, path("/no/such/file"))
	if len(missing) == 0 || missing[0].Errno != int32(unix.ENOENT) {
		t.Errorf("the removal of a missing file: %+v", missing)
	}
	if got := s.find(event.Open, path("/etc/passwd")); len(got) > 0 {
		t.Errorf("an unwatched read was reported: %+v", got)
	}
	s.one(t, event.Name, func(ev event.Event) bool { return ev.Name == "renamed" })
}

func TestMountAttempt(t *testing.T) {
	s := run(t, newSpec(t, "guest", "mount", "/dev/sda1", "/tmp", "ext4"))
	ev := s.one(t, event.Mount, nil)
	if ev.Target != "/dev/sda1" || ev.Path != "/tmp" || ev.FSType != "ext4" || ev.Errno == 0 {
		t.Errorf("mount %+v", ev)
	}
}

func TestEscapeAttempts(t *testing.T) {
	s := run(t, newSpec(t, "guest", "escape"))
	for _, kind := range []event.Kind{event.Unshare, event.PivotRoot, event.Umount, event.Module, event.BPF, event.Ptrace, event.Setns} {
		if len(s.find(kind, nil)) == 0 {
			t.Errorf("no %s event; stdout %q\n%s", kind, s.Stdout, s)
		}
	}
	if ev := s.one(t, event.PivotRoot, nil); ev.Path != "/tmp" || ev.Target != "/tmp/old" {
		t.Errorf("pivot_root %+v", ev)
	}
	s.one(t, event.Kill, func(ev event.Event) bool { return ev.Args[0] == 12345 && ev.Args[1] == int64(unix.SIGTERM) })
	try := s.one(t, event.ExecTry, func(ev event.Event) bool { return ev.Exec.Path == "/no/such/program" })
	if fmt.Sprint(try.Exec.Argv) != "[program --flag]" {
		t.Errorf("argv %q", try.Exec.Argv)
	}
}

// TestDoors: attempts are told with what they were about, whether gVisor has
// the call or not.
func TestDoors(t *testing.T) {
	s := run(t, newSpec(t, "guest", "doors"))
	for _, tt := range []struct {
		kind event.Kind
		name string
		want func(event.Event) bool
	}{
		{event.Syscall, "keyctl", func(ev event.Event) bool { return len(ev.Args) == 2 && ev.Args[1] == -3 }},
		{event.Syscall, "add_key", func(ev event.Event) bool { return ev.Data == "user;secret" }},
		{event.Syscall, "io_uring_setup", func(ev event.Event) bool { return ev.Args[0] == 8 }},
		{event.Syscall, "userfaultfd", func(ev event.Event) bool { return ev.Flags == unix.O_CLOEXEC }},
		{event.Syscall, "perf_event_open", nil},
		{event.Module, "init_module", func(ev event.Event) bool { return ev.Args[0] == 256 && ev.Data == "debug=1" }},
		{event.Module, "finit_module", func(ev event.Event) bool { return ev.Path == "/tmp/evil.ko" && ev.Data == "a=b" }},
		{event.BPF, "BPF_PROG_LOAD", func(ev event.Event) bool { return len(ev.Args) == 2 && ev.Args[1] == 3 }},
		{event.ProcessVM, "process_vm_writev", func(ev event.Event) bool { return ev.Args[0] == 1 }},
		{event.Ptrace, "PTRACE_SEIZE", func(ev event.Event) bool { return ev.Args[1] == 1 }},
		{event.Syscall, "prctl", func(ev event.Event) bool { return ev.Args[0] == unix.PR_SET_DUMPABLE && ev.Args[1] == 0 }},
		{event.Syscall, "sched_setaffinity", func(ev event.Event) bool { return ev.Args[1] == 2 && ev.Flags == 5 }},
		{event.Syscall, "swapon", func(ev event.Event) bool { return ev.Path == "/dev/sda2" }},
		{event.Syscall, "reboot", func(ev event.Event) bool { return ev.Args[2] == 0x1234567 }},
		{event.Syscall, "syslog", func(ev event.Event) bool { return ev.Args[0] == 3 }},
		{event.Sockopt, "SO_ATTACH_FILTER", nil},
		{event.Sockopt, "IP_HDRINCL", func(ev event.Event) bool { return ev.Args[0] == 1 }},
		{event.Ioctl, "SIOCSIFFLAGS", func(ev event.Event) bool { return ev.Data == "eth0" && ev.Flags == 0x100 }},
		{event.Ioctl, "FS_IOC_SETFLAGS", func(ev event.Event) bool { return ev.Path == "/tmp/evil.ko" && ev.Flags == 0x10 }},
		{event.Ioctl, "TIOCSTI", func(ev event.Event) bool { return ev.Data == "x" }},
		{event.Setxattr, "security.capability", func(ev event.Event) bool { return ev.Data == `\x01\x00\x00\x02` }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := s.one(t, tt.kind, func(ev event.Event) bool { return ev.Name == tt.name })
			if tt.want != nil && !tt.want(ev) {
				t.Errorf("event %+v", ev)
			}
		})
	}
	for _, domain := range []int64{unix.AF_ALG, unix.AF_VSOCK} {
		s.one(t, event.Socket, func(ev event.Event) bool { return ev.Args[0] == domain })
	}
	s.one(t, event.Utimes, func(ev event.Event) bool {
		return ev.Path == "/tmp/evil.ko" && len(ev.Args) == 2 && ev.Args[0] == 1 && ev.Args[1] == 86400
	})
}

func TestLookingAtOthers(t *testing.T) {
	s := run(t, newSpec(t, "guest", "peek"))
	for _, p := range []string{"/proc/1/environ", "/proc/1/maps", "/proc/1/mem"} {
		s.one(t, event.Open, path(p))
	}
	s.one(t, event.Readlink, path("/proc/1/exe"))
	for _, ev := range s.find(event.Open, nil) {
		if strings.HasSuffix(ev.Path, "/status") || ev.Path != "/proc/1/maps" && strings.HasSuffix(ev.Path, "/maps") {
			t.Errorf("what everybody reads was reported: %+v", ev)
		}
	}
	if ev := s.one(t, event.Setns, nil); ev.Path != "/proc/1/ns/mnt" || len(ev.Args) != 1 || ev.Args[0] != 1 || ev.Flags != unix.CLONE_NEWNS {
		t.Errorf("setns %+v", ev)
	}
}

func TestMemoryMadeExecutable(t *testing.T) {
	s := run(t, newSpec(t, "guest", "wx"))
	s.one(t, event.WXMemory, func(ev event.Event) bool { return ev.Name == "mprotect" && ev.Flags == unix.PROT_READ|unix.PROT_EXEC })
	s.one(t, event.WXMemory, func(ev event.Event) bool { return ev.Name == "mmap" })
}

func TestReplacedFirstProcess(t *testing.T) {
	s := run(t, newSpec(t, "guest", "thread"))
	if s.End != runtime.Exited || *s.Exit != (event.Status{}) {
		t.Fatalf("ended as %s %+v, stderr %q", s.End, s.Exit, s.Stderr)
	}
	if _, ok := s.changes(t)["/tmp/after"]; !ok {
		t.Errorf("what came after the replacement is not in the difference\n%s", s)
	}
}

func TestLocalConnection(t *testing.T) {
	s := run(t, newSpec(t, "guest", "serve"))
	port, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(s.Stdout), "client ")))
	if err != nil {
		t.Fatalf("stdout %q, stderr %q", s.Stdout, s.Stderr)
	}
	client := event.Endpoint{Family: "inet", Proto: "tcp", IP: "127.0.0.1", Port: uint16(port)}
	server := event.Endpoint{Family: "inet", Proto: "tcp", IP: "127.0.0.1", Port: 4444}
	if ev := s.one(t, event.Listen, nil); *ev.Local != server {
		t.Errorf("listens on %+v", ev.Local)
	}
	s.one(t, event.Bind, func(ev event.Event) bool { return *ev.Local == server })
	if ev := s.one(t, event.Connect, nil); *ev.Local != client || *ev.Remote != server {
		t.Errorf("connects from %+v to %+v", ev.Local, ev.Remote)
	}
	if ev := s.one(t, event.Accept, nil); *ev.Local != server || *ev.Remote != client {
		t.Errorf("accepts at %+v from %+v", ev.Local, ev.Remote)
	}
}

func TestDatagramToAddress(t *testing.T) {
	s := run(t, newSpec(t, "guest", "send", "127.0.0.1:5353"))
	ev := s.one(t, event.Send, nil)
	if ev.Remote == nil || ev.Remote.Port != 5353 || ev.Remote.Proto != "udp" || ev.Local == nil || ev.Local.Port == 0 {
		t.Errorf("send %+v to %+v", ev.Local, ev.Remote)
	}
}

// TestNetworkCard sends frames only: what answers is another package's.
func TestNetworkCard(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	spec := newSpec(t, "guest", "connect", "198.51.100.7:80")
	stop := make(chan struct{})
	spec.Stop, spec.Limits.Wall = stop, time.Minute
	spec.Link = &runtime.Link{
		File: theirs, MAC: [6]byte{2, 0x42, 0xac, 0x11, 0, 2}, MTU: 1500,
		Addresses: []netip.Prefix{netip.MustParsePrefix("172.17.0.2/16"), netip.MustParsePrefix("fd00::2/64")},
		Gateway4:  netip.MustParseAddr("172.17.0.1"), Gateway6: netip.MustParseAddr("fd00::1"),
	}
	arp := make(chan bool, 1)
	go func() {
		frame := make([]byte, 65536)
		for {
			n, err := ours.Read(frame)
			if n < 42 || err != nil {
				arp <- false
				return
			}
			// Ethernet type ARP, asking for the gateway.
			if frame[12] == 8 && frame[13] == 6 && string(frame[38:42]) == "\xac\x11\x00\x01" {
				arp <- true
				close(stop)
				return
			}
		}
	}()
	run(t, spec)
	theirs.Close()
	if !<-arp {
		t.Error("the guest never asked for its gateway")
	}
}

// TestFlood makes more events than the queue holds while nobody reads: what may
// be dropped is counted, what may not is there.
func TestFlood(t *testing.T) {
	const files = 6000
	s := &seen{}
	// Long paths fill the queue with few events.
	dir := "/tmp" + strings.Repeat("/"+strings.Repeat("d", 200), 5)
	spec := newSpec(t, "guest", "open", dir, strconv.Itoa(files))
	spec.Limits.Wall = 2 * time.Minute
	opened := 0
	spec.Events = func(ev event.Event) {
		if ev.Kind == event.Open {
			if opened++; opened == 50 {
				time.Sleep(5 * time.Second)
			}
			return
		}
		s.events = append(s.events, ev)
	}
	result, err := runtime.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if result.End != runtime.Exited || result.LostCritical != 0 {
		t.Errorf("ended as %s %s, %d critical events lost", result.End, result.Detail, result.LostCritical)
	}
	if result.Lost == 0 || uint64(opened)+result.Lost < files {
		t.Errorf("%d of %d files seen, %d events counted as lost", opened, files, result.Lost)
	}
	if got := len(s.find(event.Exec, nil)); got != files/500 {
		t.Errorf("%d execs, want %d", got, files/500)
	}
	ended := map[int32]bool{}
	for _, ev := range s.find(event.Exit, nil) {
		ended[ev.Task.PID] = true
	}
	for _, ev := range append(s.find(event.Exec, nil), s.events[0]) {
		if !ended[ev.Task.PID] {
			t.Errorf("process %d never ended", ev.Task.PID)
		}
	}
}
