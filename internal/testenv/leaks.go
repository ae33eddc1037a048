package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// NoLeaks fails the test when, at its end, something of a sandbox is left: a
// process that is a copy of this test's binary, a mount below one of dirs, a
// control group that was not there before, or a file below dirs (folders may
// stay). Call it first, so that it looks last. No other test of the binary may
// be at work then.
func NoLeaks(t testing.TB, dirs ...string) {
	t.Helper()
	before := controlGroups()
	t.Cleanup(func() {
		t.Helper()
		report(t, func() []string { return leaks(dirs, before) })
	})
}

// NoLeaksIn is NoLeaks for a test beside which others are at work: of processes
// only those count whose arguments name one of dirs. That no process and no
// control group at all is left in the end is for TestMain to see, with NothingLeft.
func NoLeaksIn(t testing.TB, dirs ...string) {
	t.Helper()
	t.Cleanup(func() {
		t.Helper()
		report(t, func() []string { return append(copiesIn(dirs), filesAndMounts(dirs)...) })
	})
}

// NothingLeft is for TestMain: it has all tests run and returns their code, or 1
// when a process of a sandbox or a control group is left after them.
func NothingLeft(tests func() int) int {
	before := controlGroups()
	code := tests()
	for _, l := range remains(func() []string { return leaks(nil, before) }) {
		fmt.Fprintf(os.Stderr, "left behind: %.300s\n", l)
		code = 1
	}
	return code
}

// burial is how long the kernel may take to bury what was killed.
const burial = 5 * time.Second

// remains is what look finds once that has passed.
func remains(look func() []string) (left []string) {
	for end := time.Now().Add(burial); ; time.Sleep(50 * time.Millisecond) {
		if left = look(); len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

func report(t testing.TB, look func() []string) {
	t.Helper()
	for _, l := range remains(look) {
		t.Errorf("left behind: %.300s", l)
	}
}

func leaks(dirs []string, before map[string]bool) []string {
	left := append(copies(), filesAndMounts(dirs)...)
	for group := range controlGroups() {
		if !before[group] {
			left = append(left, "control group "+group)
		}
	}
	return left
}

func filesAndMounts(dirs []string) (left []string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		left = append(left, err.Error())
	}
	for line := range strings.Lines(string(mounts)) {
		// Field 5 is the mount point, see proc_pid_mountinfo(5).
		if f := strings.Fields(line); len(f) > 4 && below(f[4], dirs) {
			left = append(left, "mount "+f[4])
		}
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				left = append(left, "file "+path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, err.Error())
		}
	}
	return left
}

func below(path string, dirs []string) bool {
	for _, dir := range dirs {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// copiesIn lists those whose arguments name one of dirs.
func copiesIn(dirs []string) []string {
	return slices.DeleteFunc(copies(), func(process string) bool {
		return !slices.ContainsFunc(dirs, func(dir string) bool { return strings.Contains(process, dir+"/") })
	})
}

// copies lists the other processes that run this test's binary. Every part of a
// sandbox is one, and no other test is: each has a binary of its own.
func copies() []string {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return []string{err.Error()}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if err != nil || exe != self { // gone, a thread of the kernel, or somebody else's
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		list = append(list, fmt.Sprintf("process %d: %s", pid, strings.ReplaceAll(string(args), "\x00", " ")))
	}
	return list
}

// controlGroups lists the groups that a sandbox may have made.
func controlGroups() map[string]bool {
	groups := map[string]bool{}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // groups come and go while we look
		}
		name := d.Name()
		if d.IsDir() && (strings.Contains(name, "runsc") || strings.Contains(name, "sallyport") || strings.HasPrefix(name, "run-")) {
			groups[path] = true
		}
		return nil
	})
	return groups
}
