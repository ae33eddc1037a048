package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("TESTENV_WAIT") != "" {
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the test lets go
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLeaksAreSeen(t *testing.T) {
	dir := t.TempDir()
	if left := leaks([]string{dir}, controlGroups()); len(left) > 0 {
		t.Fatalf("before: %v", left)
	}

	file := filepath.Join(dir, "runs", "events")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "--of="+dir+"/run")
	cmd.Env = append(os.Environ(), "TESTENV_WAIT=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	left := strings.Join(leaks([]string{dir}, controlGroups()), "\n")
	ours, others := copiesIn([]string{dir}), copiesIn([]string{t.TempDir()})
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if len(ours) != 1 || len(others) != 0 {
		t.Errorf("processes of this folder: %q, of another one: %q", ours, others)
	}
	for _, want := range []string{"file " + file, "process "} {
		if !strings.Contains(left, want) {
			t.Errorf("%q is missing in:\n%s", want, left)
		}
	}

	os.Remove(file)
	if left := leaks([]string{dir}, controlGroups()); len(left) > 0 {
		t.Errorf("after: %v", left)
	}
}
