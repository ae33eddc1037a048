package observation

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// Limits on the files of an observation.
const (
	maxFiles = 10_000   // in each of created, modified and deleted
	maxPaths = 16 << 20 // bytes of their paths
	maxHeads = 8 << 20  // bytes of all texts that are kept
	diffKind = "diff"   // under which files beyond the limits are counted
)

// Change is one path that differs from the image.
type Change struct {
	Path    string      // absolute
	Deleted bool        // the image's file is gone
	Header  *tar.Header // unless Deleted; a hard link's Linkname is absolute
	Content io.Reader   // of a regular file
	InImage bool        // the image has this path: modified, not created
}

// AddFile reads one changed file. All of c is foreign input. The error is that
// of c.Content, with the path.
func (b *Builder) AddFile(c Change) error {
	name := cleanPath(c.Path, "/")
	files := &b.o.Files
	if b.paths += len(name); b.paths > maxPaths {
		b.o.Run.Counts.Dropped[diffKind]++
		return nil
	}
	if c.Deleted {
		if len(files.Deleted) < maxFiles {
			files.Deleted = append(files.Deleted, name)
		} else {
			b.o.Run.Counts.Dropped[diffKind]++
		}
		return nil
	}
	list := &files.Created
	if c.InImage {
		list = &files.Modified
	}
	if c.Header.Typeflag == tar.TypeDir && c.InImage {
		return nil // it is here only because something in it changed
	}
	if len(*list) >= maxFiles {
		b.o.Run.Counts.Dropped[diffKind]++
		return nil
	}
	f := File{
		Path: name, Mode: uint32(c.Header.Mode) & 0o7777, UID: c.Header.Uid, Size: c.Header.Size, Type: "data",
	}
	switch c.Header.Typeflag {
	case tar.TypeReg:
		if err := b.read(&f, c.Content); err != nil {
			return fmt.Errorf("reading the changed file %q: %w", name, err)
		}
		b.hashed[name] = f
	case tar.TypeLink:
		if to, ok := b.hashed[cleanPath(c.Header.Linkname, "/")]; ok {
			f, f.Path = to, name
		}
	case tar.TypeDir:
		f.Type = "dir"
	case tar.TypeSymlink:
		f.Type, f.Target = "symlink", c.Header.Linkname
		if len(f.Target) > event.MaxPath {
			f.Target = f.Target[:event.MaxPath]
		}
		b.paths += len(f.Target)
	case tar.TypeFifo:
		f.Type = "fifo"
	case tar.TypeChar, tar.TypeBlock:
		f.Type = "device"
	}
	*list = append(*list, f)
	return nil
}

// read takes what the bytes of a file say, in one pass.
func (b *Builder) read(f *File, r io.Reader) error {
	if r == nil {
		r = bytes.NewReader(nil)
	}
	facts, err := scan.Read(r)
	if err != nil {
		return err
	}
	f.Size, f.SHA256, f.Entropy, f.Type = facts.Size, facts.SHA256, facts.Entropy, facts.Type
	f.Head = b.content(facts).Head
	return nil
}
