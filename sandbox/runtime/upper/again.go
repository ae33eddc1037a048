package upper

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// Layer is what an earlier run left of a writable layer.
type Layer struct {
	Tar      io.ReadSeeker // as gVisor writes it; read as hostile
	Injected []File        // that it began with
	Mounts   []string      // see Read
}

// WriteAgain writes files as Write does, onto what an earlier run left: where
// the guest changed a file of that name, or removed it, that stays. Sockets are
// lost; so are hard links to what is not part of the layer any more.
func WriteAgain(w io.Writer, image *rootfs.Root, files []File, earlier Layer) error {
	theirs := map[string]bool{}
	err := earlier.read(func(c Change) error {
		theirs[c.Path] = true
		return nil
	})
	if err != nil {
		return err
	}
	in := newInjection(w, image)
	if err := in.dir("/"); err != nil {
		return err
	}
	kept := map[string]bool{} // what a hard link can be to
	err = earlier.read(func(c Change) error {
		if err := in.keep(c, kept); err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, file := range append([]File{Placeholder}, files...) {
		if theirs[path.Clean(file.Path)] {
			continue
		}
		if err := in.add(file); err != nil && !errors.Is(err, errNoDir) { // the guest put something else there
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return in.w.Close()
}

func (l Layer) read(fn func(Change) error) error {
	if _, err := l.Tar.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return Read(l.Tar, l.Injected, l.Mounts, fn)
}

// keep writes one change of the earlier run.
func (in *injection) keep(c Change, kept map[string]bool) error {
	dir := path.Dir(c.Path)
	if in.dirs[c.Path] || in.notDirs[c.Path] {
		return nil // no layer has two of a name
	}
	if err := in.dir(dir); errors.Is(err, errNoDir) {
		return nil // below what is no folder any more
	} else if err != nil {
		return err
	}
	hdr := &tar.Header{Typeflag: tar.TypeChar, Name: tarName(c.Path), ModTime: in.now, Format: tar.FormatPAX}
	if c.Deleted {
		in.notDirs[c.Path], kept[c.Path] = true, true
		return in.w.WriteHeader(hdr) // device 0:0 is a whiteout
	}
	from := c.Header
	hdr.Typeflag, hdr.Mode, hdr.Uid, hdr.Gid, hdr.ModTime = from.Typeflag, from.Mode&0o7777, from.Uid, from.Gid, from.ModTime
	hdr.PAXRecords = attributes(from)
	switch from.Typeflag {
	case tar.TypeDir:
		in.dirs[c.Path] = true
		hdr.Name += "/"
	case tar.TypeReg:
		hdr.Size = from.Size
	case tar.TypeSymlink:
		hdr.Linkname = from.Linkname
	case tar.TypeLink:
		if !kept[from.Linkname] {
			return nil
		}
		hdr.Linkname = tarName(from.Linkname)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		hdr.Devmajor, hdr.Devminor = from.Devmajor, from.Devminor
	default:
		return nil
	}
	if from.Typeflag != tar.TypeDir {
		kept[c.Path] = true
		in.notDirs[c.Path] = true
	}
	if err := in.w.WriteHeader(hdr); err != nil {
		return err
	}
	if from.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := io.Copy(in.w, c.Content)
	return err
}

// attributes is the extended ones of a file; that a folder hides what the image
// has in it is one of them.
func attributes(h *tar.Header) map[string]string {
	var list map[string]string
	for k, v := range h.PAXRecords {
		if strings.HasPrefix(k, "SCHILY.xattr.") {
			if list == nil {
				list = map[string]string{}
			}
			list[k] = v
		}
	}
	return list
}
