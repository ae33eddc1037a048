package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const folderPrefix = "run-"

// folder is one run's place on disk. Its lock is held by the daemon and by the
// child: as long as either lives, the run does.
type folder struct {
	path string
	lock *os.File
}

func newFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the sandbox's working folder: %w", err)
	}
	// Locked before it has its final name, so that no Sweep can take it for a leftover.
	pending, err := os.MkdirTemp(dir, ".new-"+folderPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("making a run's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(pending, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	final := filepath.Join(dir, strings.TrimPrefix(filepath.Base(pending), ".new-"))
	if err == nil {
		err = os.Rename(pending, final)
	}
	if err != nil {
		lock.Close()
		os.RemoveAll(pending)
		return nil, fmt.Errorf("making a run's folder: %w", err)
	}
	return &folder{path: final, lock: lock}, nil
}

func (f *folder) remove(log *slog.Logger) {
	f.lock.Close()
	if err := os.RemoveAll(f.path); err != nil {
		log.Error("a sandbox's folder could not be removed", "path", f.path, "error", err)
	}
}

// lastWords is the end of what the Sentry wrote when it died.
func (f *folder) lastWords() string {
	b, err := os.ReadFile(filepath.Join(f.path, panicLog))
	if err != nil {
		return ""
	}
	head, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n\n"))
	return string(head[:min(len(head), 2<<10)])
}

// sweepWait is how long Sweep waits for a run that is just ending.
const sweepWait = 3 * time.Second

// Sweep removes what crashed runs left below dir. Runs that are still alive
// are left alone. A missing dir is no error.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweeping the sandbox's working folder: %w", err)
	}
	deadline := time.Now().Add(sweepWait)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, folderPrefix) && !strings.HasPrefix(name, ".new-"+folderPrefix) {
			continue
		}
		path := filepath.Join(dir, name)
		if alive(path, deadline) {
			continue
		}
		if rmErr := os.RemoveAll(path); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("sweeping the sandbox's working folder: %w", rmErr))
		}
	}
	return err
}

// alive tells whether some process still holds the folder's lock at deadline.
func alive(path string, deadline time.Time) bool {
	for ; ; time.Sleep(50 * time.Millisecond) {
		late := time.Now().After(deadline)
		lock, err := os.Open(filepath.Join(path, lockFile))
		switch {
		case err == nil:
			err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			lock.Close()
			if err == nil {
				return false
			}
		case strings.HasPrefix(filepath.Base(path), folderPrefix):
			// A folder has its lock before it has this name: what has none was being removed.
			return false
		case late:
			return false // who made it is gone: it gets its lock at once
		}
		if late {
			return true
		}
	}
}
