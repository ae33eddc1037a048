// Package partial names, makes and sweeps files that are being written and
// will be renamed when they are whole.
//
// Each is locked by the process that writes it. The lock ends with the process,
// however it ends, so that what a killed one left can be told from what a
// living one is writing, also between processes that share the folder.
package partial

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Suffix ends the names of all such files.
const Suffix = ".part"

// Name returns a name that no file has had before.
func Name() string { return rand.Text() + Suffix }

// Valid tells whether name can have been made by Name: it is no path.
func Valid(name string) bool {
	return name == filepath.Base(name) && filepath.Ext(name) == Suffix
}

// Create makes the file name in dir, for reading and writing by this process.
// The folder is made again if it is gone: another process that shares it may
// have removed it when it ended, or whoever tidies temporary files.
func Create(dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	for try := 0; ; {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, os.ErrNotExist) && try < 5 {
			try++
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err = Lock(f); err == nil && Linked(f) {
			return f, nil
		}
		f.Close()
		// A sweep that came between making and locking has the lock, and
		// removes the file: another is made.
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
	}
}

// Lock takes the file's lock, or fails at once.
func Lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// Linked tells whether the open file still has a name.
func Linked(f *os.File) bool {
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 0
}

// Sweep removes the files in dir that no living process writes.
func Sweep(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"+Suffix))
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if Lock(f) == nil {
			err = os.Remove(name)
		}
		f.Close()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Full tells whether an error says that a file system has no room left.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
