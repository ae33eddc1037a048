package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepDeletesOnlyWhatNobodyHolds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	held, err := newFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	crashed, err := newFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(crashed.file("root.erofs"), []byte("x"), 0o400); err != nil {
		t.Fatal(err)
	}
	crashed.lock.Close() // as the kernel does when a process dies
	unnamed := filepath.Join(dir, ".new-1")
	fresh := filepath.Join(dir, ".new-2")
	for _, d := range []string{unnamed, fresh} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * pendingAge)
	if err := os.Chtimes(unnamed, old, old); err != nil {
		t.Fatal(err)
	}

	if err := sweepFolders(dir); err != nil {
		t.Fatal(err)
	}
	for path, stays := range map[string]bool{held.path: true, crashed.path: false, unnamed: false, fresh: true} {
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: stays is not %v (%v)", path, stays, err)
		}
	}
	if err := held.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(held.path); err == nil {
		t.Error("a removed folder is still there")
	}
}

func TestSweepOfAMissingFolder(t *testing.T) {
	if err := sweepFolders(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}
