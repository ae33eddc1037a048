package partial

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestSweepTakesOnlyWhatNobodyWrites(t *testing.T) {
	dir := t.TempDir()
	mine, err := Create(dir, "mine.part")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	for _, name := range []string{"dead.part", "other.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string]bool{"mine.part": true, "dead.part": false, "other.txt": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != wants {
			t.Errorf("%s is there: %v", name, err == nil)
		}
	}
}

// A sweep between making and locking a file must not leave its maker with a
// file that has no name.
func TestCreateWhileSweeping(t *testing.T) {
	dir := t.TempDir()
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
				if err := Sweep(dir); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 500 {
		f, err := Create(dir, Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.Name()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	close(end)
	wg.Wait()
}

func TestValid(t *testing.T) {
	for name, wants := range map[string]bool{Name(): true, "a.part": true, "../a.part": false, "/a.part": false, "a": false, "": false} {
		if Valid(name) != wants {
			t.Errorf("%q: %v", name, !wants)
		}
	}
}

func TestCreateInAFolderThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fills")
	f, err := Create(dir, Name())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if f, err = Create(dir, Name()); err != nil {
		t.Fatalf("another process removed the folder: %v", err)
	}
	f.Close()
	if _, err := Create(filepath.Join(os.DevNull, "fills"), Name()); err == nil {
		t.Error("a folder that cannot be is made")
	}
}
