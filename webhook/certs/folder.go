package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// folder keeps the files on disk, for the processes of one machine.
type folder string

// written are the files in the order in which they are written: first what the
// public is to trust, then the key that signs, so that nothing is ever signed by
// what is not published.
var written = []string{bundleName, previousName, authorityName, leafName, announcedName}

// Update implements Store.
func (f folder) Update(_ context.Context, change func(Files) (Files, error)) error {
	unlock, err := lock(string(f))
	if err != nil {
		return err
	}
	defer unlock()
	kept := Files{}
	for _, name := range written {
		b, err := os.ReadFile(filepath.Join(string(f), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		kept[name] = b
	}
	next, err := change(kept)
	if err != nil {
		return fmt.Errorf("in %s: %w", string(f), err)
	}
	for _, name := range written {
		b, ok := next[name]
		if !ok || string(b) == string(kept[name]) {
			continue
		}
		mode := fs.FileMode(0o600)
		if name == bundleName {
			mode = 0o644
		}
		if err := write(filepath.Join(string(f), name), b, mode); err != nil {
			return err
		}
	}
	return nil
}

// write replaces file as a whole; readers see the old or the new content.
func write(file string, b []byte, mode fs.FileMode) error {
	aside, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("writing the webhook's certificates: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(b)
	err = errors.Join(err, aside.Chmod(mode), aside.Sync(), aside.Close())
	if err == nil {
		err = os.Rename(aside.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// lock keeps other processes on the same folder from renewing at the same time.
func lock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("locking the webhook's certificates: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking the webhook's certificates in %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil // closing unlocks
}
