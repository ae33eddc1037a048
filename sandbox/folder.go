package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What is below Config.Dir.
const (
	runsFolder  = "runs"  // one folder per run, ours
	boxesFolder = "boxes" // the runtime's
)

const lockName = "lock"

// pendingAge is how old a folder without its final name is when it certainly
// was left behind.
const pendingAge = time.Minute

// folder is one run's place on disk. It is locked as long as the process that
// made it lives, so that another one's sweep leaves it alone.
type folder struct {
	path string
	lock *os.File
}

// newFolder makes a folder below dir, locked before it has a name that a sweep
// would take for a leftover.
func newFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: making the folder of runs: %w", err)
	}
	pending, err := os.MkdirTemp(dir, ".new-*")
	if err != nil {
		return nil, fmt.Errorf("sandbox: making a run's folder: %w", err)
	}
	f := &folder{path: filepath.Join(dir, "run-"+strings.TrimPrefix(filepath.Base(pending), ".new-"))}
	f.lock, err = lock(pending)
	if err == nil {
		err = os.Rename(pending, f.path)
	}
	if err != nil {
		f.path = pending
		return nil, errors.Join(fmt.Errorf("sandbox: making a run's folder: %w", err), f.remove())
	}
	return f, nil
}

var errInUse = errors.New("in use")

// lock takes the lock of the folder at path. The error is errInUse when another
// process has it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, err
	}
	return f, nil
}

// file is the path of a file in the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// remove deletes the folder with all that is in it.
func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		f.lock.Close()
	}
	return err
}

// sweepFolders deletes the folders below dir that no living process holds.
func sweepFolders(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := e.Info(); err != nil || strings.HasPrefix(e.Name(), ".new-") && time.Since(info.ModTime()) < pendingAge {
			continue // gone, or about to be locked
		}
		l, err := lock(path)
		if errors.Is(err, errInUse) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, (&folder{path: path, lock: l}).remove())
	}
	return errors.Join(errs...)
}
