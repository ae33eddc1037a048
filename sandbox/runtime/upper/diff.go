package upper

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Change is one path of the writable layer.
type Change struct {
	Path    string      // absolute
	Deleted bool        // a file of the image was removed here
	Header  *tar.Header // nil when Deleted; a hard link's Linkname is absolute
	Content io.Reader   // of a regular file; valid until fn returns
}

// The most that Read takes: the tar comes from a Sentry that the guest may own.
const (
	maxChanges  = 1_000_000
	maxDiffPath = 4096
)

// Read calls fn for every change in the tar of a writable layer, in its order.
// Left out are the root itself, and what is not the guest's doing: the
// Placeholder and the files in injected where they still are as they were,
// their parent folders, and the folders in mounts, which the runtime makes
// where the image lacks them. Files in injected that are missing are reported
// last, as deleted. It ends with the first error of fn.
func Read(r io.Reader, injected []File, mounts []string, fn func(Change) error) error {
	ours := map[string]File{}
	for _, f := range append([]File{Placeholder}, injected...) {
		ours[path.Clean(f.Path)] = f
	}
	folders := map[string]bool{"/": true}
	for _, m := range mounts {
		folders[m] = true
	}
	for p := range ours {
		for p = path.Dir(p); p != "/"; p = path.Dir(p) {
			folders[p] = true
		}
	}
	tr := tar.NewReader(r)
	seen := map[string]bool{}
	gone := map[string]bool{} // paths of whiteouts, which later ones may be hard links to
	for n := 0; ; n++ {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return missing(injected, seen, fn)
		}
		if err != nil {
			return fmt.Errorf("reading the file system's difference: %w", err)
		}
		if n >= maxChanges || len(hdr.Name) > maxDiffPath || len(hdr.Linkname) > maxDiffPath {
			return errors.New("reading the file system's difference: it is larger than a sandbox can make it")
		}
		if sparse(hdr) {
			return errors.New("reading the file system's difference: a sparse file in it may be of any size")
		}
		c := Change{Path: path.Clean("/" + hdr.Name), Header: hdr, Content: tr}
		seen[c.Path] = true
		switch {
		case hdr.Typeflag == tar.TypeChar && hdr.Devmajor == 0 && hdr.Devminor == 0:
			gone[c.Path] = true
			c = Change{Path: c.Path, Deleted: true}
		case hdr.Typeflag == tar.TypeLink:
			hdr.Linkname = path.Clean("/" + hdr.Linkname)
			if gone[hdr.Linkname] {
				gone[c.Path] = true
				c = Change{Path: c.Path, Deleted: true}
			}
		case hdr.Typeflag == tar.TypeDir && folders[c.Path]:
			continue
		}
		if f, ok := ours[c.Path]; ok && !c.Deleted {
			same, content, err := unchanged(f, hdr, tr)
			if err != nil {
				return fmt.Errorf("reading the file system's difference: %w", err)
			}
			if same {
				continue
			}
			c.Content = content
		}
		if err := fn(c); err != nil {
			return err
		}
	}
}

// missing reports the files that were injected and are not in the layer any
// more: the image below has none of them, so that no whiteout is left.
func missing(injected []File, seen map[string]bool, fn func(Change) error) error {
	for _, f := range injected {
		p := path.Clean(f.Path)
		if seen[p] || !f.Mode.IsRegular() {
			continue
		}
		seen[p] = true
		if err := fn(Change{Path: p, Deleted: true}); err != nil {
			return err
		}
	}
	return nil
}

// unchanged tells whether hdr is still what was injected, and returns its
// content again if it is not.
func unchanged(f File, hdr *tar.Header, r io.Reader) (bool, io.Reader, error) {
	if hdr.Mode&0o7777 != UnixMode(f.Mode) || hdr.Uid != f.UID || hdr.Gid != f.GID {
		return false, r, nil
	}
	switch hdr.Typeflag {
	case tar.TypeDir:
		return f.Mode.IsDir(), r, nil
	case tar.TypeSymlink:
		return hdr.Linkname == f.Target, r, nil
	case tar.TypeReg:
		if !f.Mode.IsRegular() || hdr.Size != int64(len(f.Content)) {
			return false, r, nil
		}
		b, err := io.ReadAll(r)
		return slices.Equal(b, f.Content), bytes.NewReader(b), err
	}
	return false, r, nil
}

// sparse tells of a file that is larger than what the tar has of it. gVisor
// writes none: whoever reads may count on the tar's own bounds.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}
