package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

// On a file system the driver syncs every file and its folder, which is most of
// the time of a pull of small layers. Here links and manifests are written
// without: all of it can be fetched again, what a crash of the machine damages
// is noticed, because every byte below has a digest, and Guard says when to look.

// file is where the driver keeps what is at where.
func (s *Store) file(where string) string { return filepath.Join(s.root, filepath.FromSlash(where)) }

// put writes a small file. Readers see the old or the new one, never a mix.
func (s *Store) put(ctx context.Context, where string, b []byte) error {
	if s.root == "" {
		return s.driver.PutContent(ctx, where, b)
	}
	s.written.Store(true)
	tmp, err := partial.Create(s.local, partial.Name())
	if err != nil {
		return err
	}
	defer tmp.Close()
	if _, err = tmp.Write(b); err == nil {
		err = s.rename(tmp.Name(), where)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// rename gives a file of the fill folder its place. The folder that it goes to
// may vanish at any moment, when another process evicts what was in it.
func (s *Store) rename(file, where string) (err error) {
	to := s.file(where)
	for range 10 {
		if err = os.MkdirAll(filepath.Dir(to), 0o777); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err = os.Rename(file, to); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// touch makes the link of a manifest as new as a write would. A link must not
// come back without its manifest: that it has gone is ErrNotFound.
func (s *Store) touch(ctx context.Context, where string, d digest.Digest, now time.Time) error {
	if s.root == "" {
		for _, p := range []string{where, blobPath(d)} {
			if _, err := s.driver.Stat(ctx, p); err != nil {
				return s.failed("looking up", d, err)
			}
		}
		return s.driver.PutContent(ctx, where, []byte(d))
	}
	err := os.Chtimes(s.file(where), now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNotFound, d)
	}
	return err
}

// entry is a file that walk found.
type entry struct {
	path    string // of the driver
	size    int64
	changed time.Time
}

// walk visits all files below from; what comes or goes on the way may be missed,
// what stays is not.
func (s *Store) walk(ctx context.Context, from string, visit func(entry)) error {
	if s.root != "" {
		return filepath.WalkDir(s.file(from), func(p string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !d.Type().IsRegular():
				return nil
			}
			fi, err := d.Info()
			if err == nil {
				visit(entry{path.Join("/", filepath.ToSlash(strings.TrimPrefix(p, s.root))), fi.Size(), fi.ModTime()})
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
	}
	// Drivers end a walk when a folder vanishes under it, in the same words as
	// when there is nothing at all; only the latter is an answer.
	const tries = 5
	for try := 1; ; try++ {
		var found []entry
		err := s.driver.Walk(ctx, from, func(fi driver.FileInfo) error {
			if !fi.IsDir() {
				found = append(found, entry{fi.Path(), fi.Size(), fi.ModTime()})
			}
			return ctx.Err()
		})
		gone := driver.PathNotFoundError{}
		nothing := errors.As(err, &gone) && gone.Path == from && len(found) == 0
		if err != nil && !nothing && (!missing(err) || try == tries) {
			return err
		}
		if err == nil || nothing {
			for _, e := range found {
				visit(e)
			}
			return nil
		}
	}
}

// remove deletes a folder with all that is in it; that nothing is there is no
// error.
func (s *Store) remove(ctx context.Context, folder string) error {
	err := s.driver.Delete(ctx, folder)
	for range 3 {
		// Another replica stored something there in between.
		if !notEmpty(err) {
			break
		}
		err = s.driver.Delete(ctx, folder)
	}
	if err == nil || missing(err) || notEmpty(err) {
		return nil
	}
	return err
}

func notEmpty(err error) bool {
	// The drivers' error does not unwrap.
	if e := (driver.Error{}); errors.As(err, &e) {
		err = e.Detail
	}
	return errors.Is(err, syscall.ENOTEMPTY)
}

// Room tells how large the file system is that the store lies on, and how much
// of it is free for this process, both in bytes.
func (s *Store) Room() (size, free int64, err error) {
	if s.root == "" {
		return 0, 0, fmt.Errorf("the %s storage is no file system of this machine", s.driver.Name())
	}
	var st unix.Statfs_t
	if err := unix.Statfs(s.root, &st); err != nil {
		return 0, 0, fmt.Errorf("asking how full %s is: %w", s.root, err)
	}
	return int64(st.Blocks) * st.Bsize, int64(st.Bavail) * st.Bsize, nil
}
