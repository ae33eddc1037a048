package system

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scratch is a folder for the sandbox to work in, which everybody may enter:
// the sandbox of a gate run by root runs as nobody.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sallyport-scratch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

// noTrace fails the test if a sandbox left a process, a mount, a cgroup or a
// file behind. What is ending gets two seconds.
func noTrace(t *testing.T, dir string) {
	t.Helper()
	var found []string
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if found = traces(t, dir); len(found) == 0 {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	t.Errorf("left behind:\n  %s", strings.Join(found, "\n  "))
}

// traces lists what exists of sandboxes that work in dir.
func traces(t *testing.T, dir string) (found []string) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // ended meanwhile
		}
		line := strings.ReplaceAll(string(b), "\x00", " ")
		// The sandbox service has its folder in the environment, every process of
		// a run in its arguments. Others may run sandboxes beside this test.
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "environ"))
		if strings.Contains(line+string(environ), dir) {
			found = append(found, "process "+filepath.Dir(p)+": "+line)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) {
			found = append(found, "mount "+strings.TrimSpace(line))
		}
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (strings.Contains(d.Name(), "sallyport") || strings.Contains(d.Name(), "runsc")) {
			found = append(found, "cgroup "+path)
		}
		return nil
	})
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, "file "+path)
		}
		return nil
	})
	return found
}
