package runtime_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

func TestHowRunsEnd(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status event.Status
		stdout string
	}{
		{"success", []string{"guest", "true"}, event.Status{}, ""},
		{"exit code", []string{"/bin/guest", "exit", "42"}, event.Status{Code: 42}, ""},
		{"killed by a signal", []string{"guest", "abort"}, event.Status{Signal: 9}, ""},
		{"script", []string{"/bin/script"}, event.Status{Code: 5}, ""},
		{"output", []string{"guest", "say", "hello", "there"}, event.Status{}, "hello there\n"},
		{"relative to the working directory", []string{"./guest", "say", "x"}, event.Status{}, "x\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := newSpec(t, tt.args...)
			spec.Process.Cwd = "/bin"
			started := 0
			spec.OnStart = func() { started++ }
			s := run(t, spec)
			if s.End != runtime.Exited || s.Exit == nil || *s.Exit != tt.status {
				t.Errorf("ended as %s %+v (%s), want %+v", s.End, s.Exit, s.Detail, tt.status)
			}
			if string(s.Stdout) != tt.stdout {
				t.Errorf("stdout %q, want %q; stderr %q", s.Stdout, tt.stdout, s.Stderr)
			}
			if started != 1 || s.Started.IsZero() || s.Finished.Before(s.Started) {
				t.Errorf("OnStart was called %d times; started %v, finished %v", started, s.Started, s.Finished)
			}
			exit := s.one(t, event.Exit, func(ev event.Event) bool { return ev.Task.PID == 1 })
			if *exit.Exit != tt.status {
				t.Errorf("exit event says %+v", *exit.Exit)
			}
			if s.Diff == "" {
				t.Error("no difference: ", s.DiffError)
			}
		})
	}
}

func TestProgramsThatCannotStart(t *testing.T) {
	for name, args := range map[string][]string{
		"no program":        nil,
		"missing":           {"/no/such/thing"},
		"not on the PATH":   {"thing"},
		"no executable":     {"/bin/nothing"},
		"a directory":       {"/etc"},
		"not marked so":     {"/etc/data"},
		"missing directory": {"guest", "cwd"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := newSpec(t, args...)
			spec.Files = []runtime.File{{Path: "/etc/data", Content: []byte("x"), Mode: 0o644}}
			if name == "missing directory" {
				spec.Process.Cwd = "/etc/passwd"
			}
			_, err := runtime.Run(t.Context(), spec)
			var start *runtime.StartError
			if !errors.As(err, &start) {
				t.Errorf("error %v, want a StartError", err)
			}
			if left, _ := os.ReadDir(spec.Dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestUserAndGroups(t *testing.T) {
	spec := newSpec(t, "guest", "id")
	spec.Process.UID, spec.Process.GID, spec.Process.Groups = 1000, 100, []uint32{27}
	s := run(t, spec)
	if got := strings.TrimSpace(string(s.Stdout)); got != "1000 100 [27]" && got != "1000 100 [27 100]" {
		t.Errorf("id says %q", got)
	}
	if task := s.one(t, event.Start, nil).Task; task.UID != 1000 || task.EUID != 1000 {
		t.Errorf("start event has uid %d, euid %d", task.UID, task.EUID)
	}
}

func TestOddFilesOfTheImage(t *testing.T) {
	s := run(t, newSpec(t, "sh", "-c", `
		busybox stat -c '%A %t,%T %n' /odd /odd/disk /odd/pipe /odd/su
		cat /odd/ping; echo
		cat /odd/disk || echo no disk`))
	want := "drwxr-sr-x 0,0 /odd\nbrw-rw---- 0,0 /odd/disk\nprw------- 0,0 /odd/pipe\n-rwsr-xr-x 0,0 /odd/su\nhi\nno disk\n"
	if string(s.Stdout) != want {
		t.Errorf("stdout %q, want %q; stderr %q", s.Stdout, want, s.Stderr)
	}
}

func TestSetuidProgramElevates(t *testing.T) {
	spec := newSpec(t, "/odd/su", "euid")
	spec.Process.UID = 1000
	if s := run(t, spec); string(s.Stdout) != "1000 0\n" {
		t.Errorf("ids %q, stderr %q", s.Stdout, s.Stderr)
	}
}

func TestWallLimit(t *testing.T) {
	spec := newSpec(t, "sh", "-c", "echo kept >/tmp/kept; exec guest sleep")
	spec.Limits.Wall = 6 * time.Second // in which the second program begins
	s := run(t, spec)
	if s.End != runtime.TimedOut || s.Exit != nil {
		t.Errorf("ended as %s %+v: %s", s.End, s.Exit, s.Detail)
	}
	if took := s.Finished.Sub(s.Started); took < 6*time.Second || took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if string(s.Stdout) != "asleep\n" {
		t.Errorf("stdout %q", s.Stdout)
	}
	s.one(t, event.Exec, argv(1, "sleep"))
	if _, ok := s.changes(t)["/tmp/kept"]; !ok {
		t.Error("the file written before the limit is not in the difference")
	}
}

func TestStop(t *testing.T) {
	spec := newSpec(t, "guest", "sleep")
	stop := make(chan struct{})
	spec.Stop = stop
	spec.OnStart = func() { time.AfterFunc(300*time.Millisecond, func() { close(stop) }) }
	s := run(t, spec)
	if s.End != runtime.Stopped || s.Diff == "" {
		t.Errorf("ended as %s, difference %q %s", s.End, s.Diff, s.DiffError)
	}
}

func TestMemoryLimit(t *testing.T) {
	spec := newSpec(t, "guest", "eat", "400")
	spec.Limits.Memory = 200 << 20
	s := run(t, spec)
	if s.End != runtime.OutOfMem {
		t.Errorf("ended as %s %+v: %s; stdout %q", s.End, s.Exit, s.Detail, s.Stdout)
	}
}

func TestProcessLimit(t *testing.T) {
	spec := newSpec(t, "guest", "fork", "200")
	spec.Limits.Processes = 100
	s := run(t, spec)
	if s.End != runtime.Exited || !strings.HasPrefix(string(s.Stdout)[strings.LastIndex(strings.TrimSpace(string(s.Stdout)), "\n")+1:], "stopped at") &&
		!strings.Contains(string(s.Stdout), "stopped at") {
		t.Errorf("ended as %s %+v; stdout %q, stderr %q", s.End, s.Exit, s.Stdout, s.Stderr)
	}
}

func TestDiskLimit(t *testing.T) {
	spec := newSpec(t, "sh", "-c", "cat /dev/zero >/tmp/zero; echo $?")
	spec.Limits.Disk = 8 << 20
	s := run(t, spec)
	if strings.TrimSpace(string(s.Stdout)) != "1" || !bytes.Contains(s.Stderr, []byte("No space left")) {
		t.Errorf("stdout %q, stderr %q", s.Stdout, s.Stderr)
	}
}

func TestDifferenceLimit(t *testing.T) {
	spec := newSpec(t, "sh", "-c", "cat /bin/busybox >/tmp/a")
	spec.Limits.Diff = 1 << 20
	s := run(t, spec)
	if s.Diff != "" || s.DiffError == "" || s.End != runtime.Exited {
		t.Errorf("difference %q (%s), end %s", s.Diff, s.DiffError, s.End)
	}
	if _, err := os.Stat(spec.DiffPath); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cut difference was left: %v", err)
	}
}

func TestOutputIsCutToItsTail(t *testing.T) {
	spec := newSpec(t, "guest", "pour", "2000")
	spec.Limits.Tail = 4096
	s := run(t, spec)
	if len(s.Stdout) != 4096 || !bytes.HasSuffix(s.Stdout, []byte("the end\n")) {
		t.Errorf("tail of %d bytes ends with %q", len(s.Stdout), s.Stdout[max(0, len(s.Stdout)-20):])
	}
	if want := int64(2000<<10 + len("the end\n")); s.StdoutBytes != want {
		t.Errorf("%d bytes counted, want %d", s.StdoutBytes, want)
	}
}

func TestDifference(t *testing.T) {
	injected := []runtime.File{
		{Path: "/etc/resolv.conf", Content: []byte("nameserver 192.0.2.53\n"), Mode: 0o644},
		{Path: "/root/.aws/credentials", Content: []byte("secret"), Mode: 0o600},
		{Path: "/etc/altered", Content: []byte("before"), Mode: 0o644},
		{Path: "/etc/link", Mode: fs.ModeSymlink | 0o777, Target: "passwd"},
	}
	spec := newSpec(t, "sh", "-c", `set -e
		cat /etc/resolv.conf /root/.aws/credentials
		echo after! >/etc/altered
		cat /etc/link >/new
		rm /etc/hostname
		mkdir -p /a/b; echo deep >/a/b/c
		chmod 4755 /a/b/c`)
	spec.Files = injected
	s := run(t, spec)
	if *s.Exit != (event.Status{}) || !strings.Contains(string(s.Stdout), "192.0.2.53\nsecret") {
		t.Fatalf("exit %+v, stdout %q, stderr %q", s.Exit, s.Stdout, s.Stderr)
	}
	changes := s.changes(t, injected...)
	want := map[string]bool{"/etc/altered": false, "/etc/hostname": true, "/new": false, "/a": false, "/a/b": false, "/a/b/c": false}
	for p, c := range changes {
		deleted, ok := want[p]
		if !ok {
			t.Errorf("unexpected change %s %+v", p, c.Header)
		} else if deleted != c.Deleted {
			t.Errorf("%s: deleted %v", p, c.Deleted)
		}
		delete(want, p)
	}
	for p := range want {
		t.Errorf("%s is missing", p)
	}
	if c := changes["/a/b/c"]; c.Header != nil && (c.Header.Mode&0o7777 != 0o4755 || c.Header.Typeflag != tar.TypeReg) {
		t.Errorf("/a/b/c is %+v", c.Header)
	}
}

func TestInjectedFilesKeepTheImagesFolders(t *testing.T) {
	spec := newSpec(t, "sh", "-c", "busybox stat -c '%a %n' /root /tmp /root/.ssh /etc")
	spec.Files = []runtime.File{
		{Path: "/root/.ssh", Mode: fs.ModeDir | 0o700},
		{Path: "/root/.ssh/id_rsa", Content: []byte("key"), Mode: 0o600},
	}
	s := run(t, spec)
	if got := string(s.Stdout); got != "700 /root\n1777 /tmp\n700 /root/.ssh\n755 /etc\n" {
		t.Errorf("stat says %q %q", got, s.Stderr)
	}
}

func TestCancel(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * time.Millisecond, 150 * time.Millisecond, 600 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			spec := newSpec(t, "guest", "sleep")
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			begun := time.Now()
			_, err := runtime.Run(ctx, spec)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(begun); took > after+20*time.Second {
				t.Errorf("took %v", took)
			}
			mustBeGone(t, spec.Dir)
		})
	}
}

// TestLongPaths: a socket's name may have 108 bytes, a folder's path 4096.
func TestLongPaths(t *testing.T) {
	spec := newSpec(t, "guest", "say", "hello")
	spec.Dir = filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	s := run(t, spec)
	if s.End != runtime.Exited || string(s.Stdout) != "hello\n" {
		t.Errorf("ended as %s, stdout %q", s.End, s.Stdout)
	}
	for _, dir := range []string{"/run", "/var/run", "/tmp"} {
		if left, _ := filepath.Glob(dir + "/runsc-*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestRunsSideBySide: runs share a folder and nothing else.
func TestRunsSideBySide(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		spec := newSpec(t, "guest", "say", strconv.Itoa(i))
		spec.Dir = dir
		wg.Go(func() {
			r, err := runtime.Run(t.Context(), spec)
			if err != nil || string(r.Stdout) != strconv.Itoa(i)+"\n" {
				t.Errorf("run %d: %v %+v", i, err, r)
			}
		})
	}
	wg.Wait()
	mustBeGone(t, dir)
}
