package runtime_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// daemonArg makes this test binary a process that runs one sandbox, so that
// tests can kill it, or run it as somebody else.
const daemonArg = "sallyport-test-daemon"

// daemon runs a program of the image args[0] in the folder args[1].
func daemon(args []string) {
	if err := runtime.Check(); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	result, err := runtime.Run(context.Background(), runtime.Spec{
		Root: args[0], Dir: args[1], DiffPath: filepath.Join(args[1], "diff.tar"),
		Process: runtime.Process{Args: args[2:], Env: []string{"PATH=/bin"}},
		OnStart: func() { fmt.Println("started") },
	})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	b, _ := json.Marshal(result)
	fmt.Println(string(b))
}

func startDaemon(t *testing.T, dir string, credential *syscall.Credential, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if credential != nil {
		// The build's folder may be root's alone.
		b, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		self = filepath.Join(dir, "test-binary")
		if err := os.WriteFile(self, b, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(self, append([]string{daemonArg, needSandbox(t), dir}, args...)...)
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// sharedDir is a folder that an ordinary user can reach.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "daemon-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestOrdinaryUser(t *testing.T) {
	testenv.NeedRoot(t) // to become somebody else
	dir := sharedDir(t)
	cmd, out := startDaemon(t, dir, &syscall.Credential{Uid: 65534, Gid: 65534}, "guest", "id")
	var lines []string
	for out.Scan() {
		lines = append(lines, out.Text())
	}
	err := cmd.Wait()
	if err != nil || len(lines) != 2 || lines[0] != "started" {
		t.Fatalf("%v: %q", err, lines)
	}
	var result runtime.Result
	if err := json.Unmarshal([]byte(lines[1]), &result); err != nil {
		t.Fatal(err)
	}
	if result.End != runtime.Exited || result.Exit.Code != 0 || result.Diff == "" || !strings.HasPrefix(string(result.Stdout), "0 0 ") {
		t.Errorf("result %s", lines[1])
	}
	mustBeGone(t, dir)
}

// TestKill ends each of the processes in turn, and looks 2 s later.
func TestKill(t *testing.T) {
	tests := []struct {
		name string
		kill func(daemon int) int // which process
	}{
		{"daemon", func(daemon int) int { return daemon }},
		{"child", func(daemon int) int { return childOf(daemon, "runsc") }},
		{"Sentry", func(daemon int) int { return childOf(childOf(daemon, "runsc"), "runsc-sandbox") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := sharedDir(t)
			cmd, out := startDaemon(t, dir, nil, "guest", "sleep")
			if !out.Scan() || out.Text() != "started" {
				t.Fatalf("the daemon says %q", out.Text())
			}
			pid := tt.kill(cmd.Process.Pid)
			if pid <= 0 {
				t.Fatal("no such process")
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			rest := ""
			for out.Scan() {
				rest += out.Text()
			}
			_ = cmd.Wait()
			if tt.name != "daemon" && !strings.Contains(rest, `"End":"crashed"`) {
				t.Errorf("the daemon says %q", rest)
			}
			mustBeGone(t, dir)
		})
	}
}

// TestKillAtAnyMoment ends the daemon at 50 moments of a run that starts,
// works, ends and is cleaned up, and looks 2 s later each time.
func TestKillAtAnyMoment(t *testing.T) {
	const kills, spread = 50, 700 * time.Millisecond
	for i := range kills {
		dir := sharedDir(t)
		cmd, out := startDaemon(t, dir, nil, "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do cat /etc/passwd >/tmp/$i; done; guest true")
		go func() {
			for out.Scan() {
			}
		}()
		// A third of the moments is early: that is where processes and folders come to be.
		after := spread * time.Duration(i) / kills
		if i%3 == 0 {
			after /= 4
		}
		time.Sleep(after + rand.N(spread/kills))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		settle(dir, 2*time.Second)
		// What a process of ours would have deleted is swept by the next one.
		if err := runtime.Sweep(dir); err != nil {
			t.Fatal(err)
		}
		if left := leftovers(dir); len(left) > 0 {
			t.Fatalf("killed after %v: left behind: %q", after, left)
		}
		os.RemoveAll(dir)
	}
}

// settle waits until nothing of a run in dir is left, at most for limit.
func settle(dir string, limit time.Duration) (left []string) {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if left = leftovers(dir); len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

// TestSweepAfterCrash kills daemon and child at once: nobody is left to tidy up.
func TestSweepAfterCrash(t *testing.T) {
	dir := sharedDir(t)
	cmd, out := startDaemon(t, dir, nil, "guest", "sleep")
	if !out.Scan() {
		t.Fatal("the daemon did not start")
	}
	child := childOf(cmd.Process.Pid, "runsc")
	if err := unix.Kill(child, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := runtime.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "run-*")); len(left) != 1 {
		t.Errorf("while the child lives its folder must stay: %v", left)
	}
	if err := unix.Kill(child, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := runtime.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if err := runtime.Sweep(filepath.Join(dir, "missing")); err != nil {
		t.Error(err)
	}
	mustBeGone(t, dir)
}

// TestSweepUnlocked meets folders as they are when a process was killed while
// it made or removed them.
func TestSweepUnlocked(t *testing.T) {
	dir := t.TempDir()
	for _, half := range []string{"run-removed", "run-emptied/bundle", ".new-run-made"} {
		if err := os.MkdirAll(filepath.Join(dir, half), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := runtime.Sweep(dir); err != nil {
		t.Error(err)
	}
	if left := leftovers(dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// mustBeGone checks, at the latest after 2 s, that nothing of a run in dir is left.
func mustBeGone(t *testing.T, dir string) {
	t.Helper()
	if left := settle(dir, 2*time.Second); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func leftovers(dir string) []string {
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.Contains(e.Name(), "run-") {
			left = append(left, e.Name())
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) {
			left = append(left, line)
		}
	}
	// Whatever belongs to a run names its folder on the command line, or is the
	// Sentry's child in its own PID namespace.
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		b, _ := os.ReadFile(p)
		if strings.Contains(string(b), dir+"/run-") {
			left = append(left, p+": "+strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return left
}

// childOf returns the child of parent whose argv[0] is name; 0 for none.
func childOf(parent int, name string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		var pid, ppid int
		var state string
		if _, err := fmt.Sscanf(string(b), "%d", &pid); err != nil {
			continue
		}
		after := string(b)[strings.LastIndexByte(string(b), ')')+1:]
		if _, err := fmt.Sscanf(after, " %s %d", &state, &ppid); err != nil || ppid != parent {
			continue
		}
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if argv0, _, _ := strings.Cut(string(cmdline), "\x00"); argv0 == name {
			return pid
		}
	}
	return 0
}
