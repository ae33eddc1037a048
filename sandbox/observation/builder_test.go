package observation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// script plays events to a Builder; sequence and time count up by themselves.
type script struct {
	b   *observation.Builder
	seq uint64
}

func play(t *testing.T) *script {
	t.Helper()
	return &script{b: observation.New(observation.Image{}, observation.Run{Addresses: []string{"10.0.2.15"}})}
}

func (s *script) add(pid int32, e event.Event) uint64 {
	s.seq++
	e.Seq, e.Time = s.seq, time.Duration(s.seq)*10*time.Millisecond
	if e.Task.PID == 0 {
		e.Task = event.Task{PID: pid, TID: pid, PPID: e.Task.PPID, CWD: "/work"}
	}
	s.b.Add(e)
	return s.seq
}

func (s *script) start(argv ...string) {
	s.add(1, event.Event{Kind: event.Start, Exec: image(argv...)})
}

func (s *script) fork(parent, child int32) uint64 {
	return s.add(parent, event.Event{Kind: event.Clone, Child: child})
}

func (s *script) exec(pid int32, p *event.Program) uint64 {
	return s.add(pid, event.Event{Kind: event.Exec, Exec: p})
}

// spawn is a fork and the exec of a program of the image.
func (s *script) spawn(parent, child int32, argv ...string) uint64 {
	s.fork(parent, child)
	return s.exec(child, image(argv...))
}

func (s *script) write(pid int32, path string) uint64 {
	return s.add(pid, event.Event{Kind: event.Open, Path: path, Flags: 0o1101}) // O_WRONLY|O_CREAT|O_TRUNC
}

func image(argv ...string) *event.Program {
	return &event.Program{Path: argv[0], Argv: argv, Lower: true, Links: 1, Size: 1000, SHA256: "hash of " + argv[0]}
}

func dropped(argv ...string) *event.Program {
	p := image(argv...)
	p.Lower, p.Upper = false, true
	return p
}

func pipe(inode uint64) *event.FD { return &event.FD{Kind: "pipe", Inode: inode} }

func tcp(ip string, port uint16) *event.Endpoint {
	return &event.Endpoint{Family: "inet", Proto: "tcp", IP: ip, Port: port}
}

func TestProcessTree(t *testing.T) {
	s := play(t)
	s.start("/bin/sh", "/entrypoint.sh")
	s.spawn(1, 7, "/bin/date")
	s.add(7, event.Event{Kind: event.Exit, Exit: &event.Status{Code: 3}})
	s.fork(1, 8) // a subshell that does something itself
	s.add(8, event.Event{Kind: event.Unlink, Path: "lock"})
	s.spawn(8, 9, "/bin/sleep", "5")
	s.fork(1, 10) // and one that never does
	s.exec(1, image("/usr/sbin/nginx", "-g", "daemon off;"))
	s.fork(1, 7) // the number is used again
	s.exec(7, dropped("/tmp/x"))
	o := s.b.Build()

	want := map[string]string{"1.0": "", "7.0": "1.0", "8.0": "1.0", "9.0": "8.0", "1.1": "1.0", "7.1": "1.1"}
	for id, parent := range want {
		p := o.Processes[id]
		if p == nil || p.Parent != parent {
			t.Errorf("%s: %+v, want parent %q", id, p, parent)
		}
	}
	if len(o.Processes) != len(want) {
		t.Errorf("%d processes, want %d: a fork that does nothing is none", len(o.Processes), len(want))
	}
	if p := o.Processes["7.0"]; p.Exit == nil || p.Exit.Code != 3 || p.EndMS == 0 {
		t.Errorf("exit of date: %+v", p)
	}
	if p := o.Processes["8.0"]; !p.Forked || p.Exe != "/bin/sh" {
		t.Errorf("the subshell: %+v", p)
	}
	if p := o.Processes["7.1"]; !p.Drift || !slices.Equal(p.Lineage, []string{"1.0", "1.1"}) {
		t.Errorf("the dropped program: %+v", p)
	}
	if e := o.Events[event.Unlink]; len(e) != 1 || e[0].Process != "8.0" || e[0].Path != "/work/lock" {
		t.Errorf("unlink: %+v", e)
	}
	if p := o.Processes["1.0"]; p.EndMS == 0 || !slices.Contains(p.Children, "1.1") {
		t.Errorf("what exec replaced: %+v", p)
	}
	if !o.Run.RanEntrypoint || o.Run.Exit != nil {
		t.Errorf("run: %+v", o.Run)
	}
}

func TestEntrypointsExitIsTheRuns(t *testing.T) {
	s := play(t)
	s.start("/bin/sh", "-c", "missing")
	s.spawn(1, 2, "/bin/true")
	s.add(2, event.Event{Kind: event.Exit, Exit: &event.Status{Code: 9}})
	s.add(1, event.Event{Kind: event.Exit, Exit: &event.Status{Code: 127}})
	if o := s.b.Build(); o.Run.Exit == nil || o.Run.Exit.Code != 127 {
		t.Errorf("exit: %+v", o.Run.Exit)
	}
}

func TestNothingStarted(t *testing.T) {
	o := play(t).b.Build()
	if o.Run.RanEntrypoint {
		t.Error("an entrypoint ran")
	}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "null") {
		t.Errorf("rules would meet null: %s", b)
	}
}

func TestPipesJoinLineages(t *testing.T) {
	s := play(t)
	s.start("/sbin/tini", "--", "supervisord")
	s.fork(1, 2)
	s.fork(1, 3)
	s.fork(1, 4)
	curl, shell := image("/usr/bin/curl", "http://198.18.0.1/x"), image("/bin/sh")
	curl.Stdio[1], shell.Stdio[0] = pipe(77), pipe(77)
	s.exec(2, curl)
	s.exec(3, shell)
	s.exec(4, image("/usr/sbin/cron"))
	o := s.b.Build()
	if p := o.Processes["3.0"]; !slices.Equal(p.PipeFrom, []string{"2.0"}) {
		t.Errorf("the shell reads from %v", p.PipeFrom)
	}
	if a, b := o.Processes["2.0"].LineageID, o.Processes["3.0"].LineageID; a != b {
		t.Errorf("both ends of a pipe are in the lineages %s and %s", a, b)
	}
	if a, b := o.Processes["2.0"].LineageID, o.Processes["4.0"].LineageID; a == b {
		t.Errorf("what an init starts is all in lineage %s", a)
	}
}

func TestFilesJoinLineages(t *testing.T) {
	s := play(t)
	s.start("/sbin/tini", "--", "x")
	s.spawn(1, 2, "/app/updater")
	s.spawn(1, 3, "/usr/sbin/cron")
	s.write(2, "/tmp/job")
	s.fork(3, 4)
	s.exec(4, dropped("/tmp/job"))
	o := s.b.Build()
	if a, b := o.Processes["2.0"].LineageID, o.Processes["4.0"].LineageID; a != b {
		t.Errorf("writer and program are in the lineages %s and %s", a, b)
	}
}

func TestSocketsJoinLineages(t *testing.T) {
	for _, c := range []struct {
		name   string
		client *event.Program
		joined bool
	}{
		{"what was dropped", dropped("/tmp/agent"), true},
		{"programs of the image", image("/usr/bin/client"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := play(t)
			s.start("/sbin/tini", "--", "x")
			s.spawn(1, 2, "/usr/sbin/server")
			s.add(2, event.Event{Kind: event.Listen, Local: tcp("127.0.0.1", 80)})
			s.fork(1, 3)
			s.exec(3, c.client)
			s.add(3, event.Event{Kind: event.Connect, Local: tcp("127.0.0.1", 40001), Remote: tcp("127.0.0.1", 80)})
			s.add(2, event.Event{Kind: event.Accept, Local: tcp("127.0.0.1", 80), Remote: tcp("127.0.0.1", 40001)})
			s.spawn(1, 4, "/usr/sbin/listener")
			s.add(4, event.Event{Kind: event.Listen, Local: &event.Endpoint{Family: "unix", Path: "/run/x.sock"}})
			s.add(3, event.Event{Kind: event.Connect, Remote: &event.Endpoint{Family: "unix", Path: "/run/x.sock"}})
			o := s.b.Build()
			for _, server := range []string{"2.0", "4.0"} {
				if got := o.Processes[server].LineageID == o.Processes["3.0"].LineageID; got != c.joined {
					t.Errorf("%s in one lineage: %v", server, got)
				}
			}
		})
	}
}

func TestScripts(t *testing.T) {
	for _, c := range []struct {
		name string
		argv []string
		want string
	}{
		{"shell", []string{"/bin/sh", "/tmp/x"}, "/tmp/x"},
		{"relative", []string{"/bin/bash", "-ex", "run.sh", "arg"}, "/work/run.sh"},
		{"option with argument", []string{"/bin/bash", "-o", "pipefail", "/x"}, "/x"},
		{"inline", []string{"/bin/sh", "-c", "echo /tmp/x"}, ""},
		{"flags and inline", []string{"/bin/bash", "-lc", "x"}, ""},
		{"input", []string{"/bin/sh", "-s", "--", "arg"}, ""},
		{"dash", []string{"/bin/sh", "-"}, ""},
		{"busybox applet", []string{"/bin/busybox", "ash", "/tmp/x"}, "/tmp/x"},
		{"login shell", []string{"-bash"}, ""},
		{"python with version", []string{"/usr/bin/python3.11", "-u", "/app/main.py"}, "/app/main.py"},
		{"python option with argument", []string{"/usr/bin/python3", "-W", "ignore", "/app/main.py"}, "/app/main.py"},
		{"python module", []string{"/usr/bin/python3", "-m", "http.server"}, ""},
		{"perl inline", []string{"/usr/bin/perl", "-e", "print"}, ""},
		{"node", []string{"/usr/bin/node", "--max-old-space-size=9", "server.js"}, "/work/server.js"},
		{"node inline", []string{"/usr/bin/node", "--eval", "1"}, ""},
		{"php file", []string{"/usr/bin/php", "-f", "/x.php"}, "/x.php"},
		{"end of options", []string{"/bin/sh", "--", "-x"}, "/work/-x"},
		{"renamed shell", []string{"worker", "/tmp/x"}, "/tmp/x"},
		{"no interpreter", []string{"/bin/cat", "/tmp/x"}, ""},
		{"no arguments", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := play(t)
			s.start("/init")
			p := &event.Program{Path: "/bin/sh", Argv: c.argv, Lower: true}
			if len(c.argv) > 0 && strings.HasPrefix(c.argv[0], "/") {
				p.Path = c.argv[0]
			}
			s.fork(1, 2)
			s.exec(2, p)
			if got := s.b.Build().Processes["2.0"].Script; got != c.want {
				t.Errorf("script %q, want %q", got, c.want)
			}
		})
	}
}

func TestScriptDrift(t *testing.T) {
	s := play(t)
	s.start("/init")
	s.spawn(1, 2, "/bin/sh", "/tmp/x") // before it was written
	s.write(1, "/tmp/x")
	s.spawn(1, 3, "/bin/sh", "/tmp/x")
	s.add(1, event.Event{Kind: event.Rename, Path: "/tmp/x", Target: "/tmp/y"})
	s.spawn(1, 4, "/bin/sh", "/proc/self/root/tmp/../tmp/y")
	o := s.b.Build()
	for id, want := range map[string]bool{"2.0": false, "3.0": true, "4.0": true} {
		if got := o.Processes[id].ScriptDrift; got != want {
			t.Errorf("%s: script_drift is %t", id, got)
		}
	}
}

func TestEqualEventsAreCounted(t *testing.T) {
	s := play(t)
	s.start("/init")
	for range 50 {
		s.add(1, event.Event{Kind: event.Open, Path: "/etc/passwd"})
		s.add(1, event.Event{Kind: event.Connect, Remote: tcp("198.18.0.1", 443), Local: tcp("10.0.2.15", uint16(s.seq+1000))})
	}
	s.add(1, event.Event{Kind: event.Open, Path: "/etc/passwd", Flags: 2})
	o := s.b.Build()
	open := o.Events[event.Open]
	if len(open) != 1 || open[0].Count != 50 || open[0].LastMS <= open[0].MS {
		t.Errorf("opens: %+v", open)
	}
	if c := o.Events[event.Connect]; len(c) != 1 || c[0].Count != 50 {
		t.Errorf("connects: %+v", c)
	}
	if w := o.Events[observation.Write]; len(w) != 1 || w[0].Path != "/etc/passwd" {
		t.Errorf("writes: %+v", w)
	}
	if c := o.Network.Contacts["1.0"]["443"]["198.18.0.1"]; c.Process != "1.0" || c.Event != open[0].Seq+1 {
		t.Errorf("contact: %+v", o.Network.Contacts)
	}
}

func TestFailedExecsAreKept(t *testing.T) {
	s := play(t)
	s.start("/init")
	s.add(1, event.Event{Kind: event.ExecTry, Exec: &event.Program{Path: "/usr/bin/masscan", Argv: []string{"masscan"}}})
	s.add(1, event.Event{Kind: event.Open, Path: "/x"})
	s.add(1, event.Event{Kind: event.ExecTry, Exec: image("/bin/true")})
	s.exec(1, image("/bin/true"))
	s.add(1, event.Event{Kind: event.ExecTry, Exec: &event.Program{Path: "/usr/bin/zmap", Argv: []string{"zmap"}}})
	var got []string
	for _, e := range s.b.Build().Events[event.ExecTry] {
		got = append(got, e.Exec.Path)
	}
	if !slices.Equal(got, []string{"/usr/bin/masscan", "/usr/bin/zmap"}) {
		t.Errorf("attempts that failed: %v", got)
	}
}

func TestLoss(t *testing.T) {
	s := play(t)
	s.start("/init")
	s.add(1, event.Event{Kind: event.Lost, Args: []int64{7}})
	s.add(1, event.Event{Kind: event.Lost, Args: []int64{-7}})
	s.add(1, event.Event{Kind: event.LostCritical})
	c := s.b.Build().Run.Counts
	if c.Total != 1 || c.Lost != 7 || c.CriticalLost != 1 {
		t.Errorf("counts: %+v", c)
	}
}

// TestMemoryIsBounded: whatever a guest does, the document stays of one size, and says what is missing.
func TestMemoryIsBounded(t *testing.T) {
	s := play(t)
	s.start("/init")
	long := strings.Repeat("a", event.MaxArg)
	for i := range 30_000 {
		pid := int32(i + 2)
		s.fork(1, pid)
		s.exec(pid, image("/bin/x", long, long, long, long, long, long, long, long))
		s.add(pid, event.Event{Kind: event.Unlink, Path: fmt.Sprintf("/%s/%d", long[:4000], i)})
	}
	o := s.b.Build()
	if len(o.Processes) > 10_000 {
		t.Errorf("%d processes", len(o.Processes))
	}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 200<<20 {
		t.Errorf("%d MiB", len(b)>>20)
	}
	if o.Run.Counts.Dropped[event.Exec] == 0 || o.Run.Counts.Dropped[event.Unlink] == 0 {
		t.Errorf("dropped: %v", o.Run.Counts.Dropped)
	}
}

func TestScopes(t *testing.T) {
	s := play(t)
	s.start("/init")
	want := map[string]string{
		"127.0.0.1": "loopback", "::1": "loopback", "10.0.2.15": "own", "10.0.2.2": "private", "192.168.1.1": "private",
		"100.64.1.1": "private", "fd00::1": "private", "169.254.169.254": "local", "224.0.0.1": "local", "0.0.0.0": "local",
		"255.255.255.255": "local", "fe80::1": "local", "203.0.113.9": "public", "198.18.0.1": "public", "2001:db8::1": "public",
		"::ffff:203.0.113.10": "public", "nonsense": "",
	}
	for ip := range want {
		s.add(1, event.Event{Kind: event.Connect, Remote: tcp(ip, 80)})
	}
	for _, e := range s.b.Build().Events[event.Connect] {
		ip := e.Remote.IP
		if ip == "203.0.113.10" {
			ip = "::ffff:203.0.113.10"
		}
		if w, ok := want[ip]; !ok || e.Remote.Scope != w {
			t.Errorf("%s is %q, want %q", e.Remote.IP, e.Remote.Scope, w)
		}
	}
}

func TestDecodes(t *testing.T) {
	for line, want := range map[string]bool{
		"base64 -d": true, "base64 --decode": true, "base64 -w0": false, "busybox base64 -d x": true, "gunzip": true, "gzip -dc": true,
		"gzip -9": false, "xxd -r -p": true, "xxd x": false, "openssl enc -aes-256-cbc -d -k x": true, "openssl version": false,
		"tr A-Za-z N-ZA-Mn-za-m": true, `tr -d \r`: false, "tr A-Z a-z": false, "tar xzf x": true, "tar -cz x": false, "cat": false,
	} {
		s := play(t)
		s.start("/init")
		s.spawn(1, 2, strings.Fields(line)...)
		if got := s.b.Build().Processes["2.0"].Decodes; got != want {
			t.Errorf("%s: decodes is %t", line, got)
		}
	}
}
