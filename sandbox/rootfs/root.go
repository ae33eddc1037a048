package rootfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/erofs/go-erofs"
)

// Root is an image's file system in one EROFS file. Its methods look files up
// as a process inside the image would: relative to the image's root, symbolic
// links followed, never leaving the image. They may be called concurrently.
type Root struct {
	Path string // of the EROFS file
	Size int64  // bytes of the EROFS file

	file *os.File
	fs   lookupFS

	programs []Program
	more     int
}

type lookupFS interface {
	fs.FS
	Lstat(name string) (fs.FileInfo, error)
	ReadLink(name string) (string, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Open returns the Root of an EROFS file that Build made earlier.
func Open(name string) (*Root, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	image, err := erofs.Open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is no EROFS image: %w", name, err)
	}
	lookup, ok := image.(lookupFS)
	if !ok {
		f.Close()
		return nil, errors.New("rootfs: the EROFS reader cannot read links")
	}
	return &Root{Path: name, Size: info.Size(), file: f, fs: lookup}, nil
}

// Close releases the file; it does not remove it.
func (r *Root) Close() error { return r.file.Close() }

// Entry describes one file of the image.
type Entry struct {
	Path string // absolute, after symbolic links
	Mode fs.FileMode
	Size int64
	UID  uint32
	GID  uint32
}

// Stat describes the file at name, symbolic links followed.
// The error wraps fs.ErrNotExist when there is none.
func (r *Root) Stat(name string) (Entry, error) {
	resolved, info, err := r.resolve(name, true, nil)
	if err != nil {
		return Entry{}, err
	}
	return entry(resolved, info), nil
}

// Lstat is Stat, but does not follow a link at the end of name.
func (r *Root) Lstat(name string) (Entry, error) {
	resolved, info, err := r.resolve(name, false, nil)
	if err != nil {
		return Entry{}, err
	}
	return entry(resolved, info), nil
}

func entry(name string, info fs.FileInfo) Entry {
	e := Entry{Path: name, Mode: info.Mode(), Size: info.Size()}
	if st, ok := info.Sys().(*erofs.Stat); ok {
		e.Mode = st.Mode // info.Mode lacks set-uid, set-gid and sticky
		e.UID, e.GID = st.UID, st.GID
	}
	return e
}

// Links is the targets of the symbolic links that are followed from name, in
// order and as they are written, also when they lead to nothing.
func (r *Root) Links(name string) []string {
	var list []string
	_, _, _ = r.resolve(name, true, func(target string) { list = append(list, target) })
	return list
}

// Open opens the regular file at name, symbolic links followed.
func (r *Root) Open(name string) (io.ReadCloser, error) {
	f, _, err := r.open(name)
	return f, err
}

// Exists tells whether name leads to a file or directory.
func (r *Root) Exists(name string) bool {
	_, _, err := r.resolve(name, true, nil)
	return err == nil
}

// ReadFile returns the content of the regular file at name, at most max bytes.
// A larger file is an error.
func (r *Root) ReadFile(name string, max int64) ([]byte, error) {
	f, info, err := r.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > max {
		return nil, fmt.Errorf("%s in the image has %d bytes, more than %d", name, info.Size(), max)
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(f, max))
	return b.Bytes(), err
}

// SHA256 returns the hex digest of the regular file at name.
func (r *Root) SHA256(name string) (string, error) {
	f, _, err := r.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ReadDir lists the names in the directory at name, sorted.
func (r *Root) ReadDir(name string) ([]string, error) {
	resolved, info, err := r.resolve(name, true, nil)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	entries, err := r.fs.ReadDir(relative(resolved))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (r *Root) open(name string) (fs.File, fs.FileInfo, error) {
	resolved, info, err := r.resolve(name, true, nil)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	f, err := r.fs.Open(relative(resolved))
	return f, info, err
}

// resolve walks name as the kernel does: every link on the way is followed,
// and the one at the end when last is set. ".." after a link leaves the folder
// that the link led to. trail, unless nil, gets the target of every link.
func (r *Root) resolve(name string, last bool, trail func(target string)) (string, fs.FileInfo, error) {
	fail := func(err error) (string, fs.FileInfo, error) {
		return "", nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	links := 0
	here := "/"
	info, err := r.fs.Lstat(".")
	if err != nil {
		return fail(err)
	}
	parts := split(name)
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			here = path.Dir(here)
			if info, err = r.fs.Lstat(relative(here)); err != nil {
				return fail(err)
			}
			continue
		}
		if !info.IsDir() {
			return fail(fs.ErrNotExist)
		}
		next := path.Join(here, part)
		child, err := r.fs.Lstat(relative(next))
		if err != nil {
			return fail(err)
		}
		if child.Mode()&fs.ModeSymlink == 0 || (!last && len(parts) == 0) {
			here, info = next, child
			continue
		}
		if links++; links > maxLinks {
			return fail(errors.New("too many symbolic links"))
		}
		target, err := r.fs.ReadLink(relative(next))
		if err != nil {
			return fail(err)
		}
		if trail != nil {
			trail(target)
		}
		if path.IsAbs(target) {
			here = "/"
			if info, err = r.fs.Lstat("."); err != nil {
				return fail(err)
			}
		}
		parts = append(split(target), parts...)
	}
	return here, info, nil
}

// relative is the form of an absolute path that package fs takes.
func relative(p string) string {
	if p == "/" {
		return "."
	}
	return p[1:]
}
