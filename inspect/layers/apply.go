package layers

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// The markers of the OCI image specification, layer.md, "Whiteouts".
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	aufs     = ".wh..wh." // AUFS's own metadata, means nothing here
)

// capability is the PAX record of file capabilities.
const capability = "SCHILY.xattr.security.capability"

const rights = fs.ModeSetuid | fs.ModeSetgid

// reader applies layers to a tree.
type reader struct {
	tree    *tree
	wanted  *selector
	limits  Limits
	layer   string // digest, for messages
	entries int
	kept    int64
	total   int64    // decompressed bytes of all layers so far
	linked  []Wanted // that are hard links to files that were not kept
}

func (r *reader) tooMuch(what string, limit int64) error {
	return &LimitError{Layer: r.layer, What: what, Limit: limit}
}

// apply reads one layer's tar.
func (r *reader) apply(ctx context.Context, from io.Reader) error {
	tr := tar.NewReader(from)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading its tar: %w", err)
		}
		if err := r.entry(hdr, tr); err != nil {
			return fmt.Errorf("%s: %w", shorten(hdr.Name), err)
		}
	}
}

func (r *reader) entry(hdr *tar.Header, content io.Reader) error {
	if err := r.check(hdr); err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := path.Clean("/" + hdr.Name)
	if strings.ContainsRune(name, 0) {
		return fmt.Errorf("%w: a path with a zero byte", ErrArchive)
	}
	dirName, base := path.Split(name)
	if base == "" {
		return nil // the root itself
	}
	if len(base) > maxName {
		return fmt.Errorf("%w: a name is longer than %d bytes", ErrArchive, maxName)
	}
	p, err := r.tree.resolve(split(dirName))
	if err != nil {
		return err
	}
	if strings.HasPrefix(base, whiteout) {
		if dir := p.folder(); dir != nil {
			r.whiteout(dir, base)
		}
		return nil
	}
	return r.place(p, base, hdr, content)
}

func (r *reader) check(hdr *tar.Header) error {
	if r.entries++; r.entries > r.limits.Entries {
		return r.tooMuch("entries", int64(r.limits.Entries))
	}
	if len(hdr.Name) > r.limits.PathBytes || len(hdr.Linkname) > r.limits.PathBytes {
		return r.tooMuch("bytes in a path", int64(r.limits.PathBytes))
	}
	pax := 0
	for k, v := range hdr.PAXRecords {
		pax += len(k) + len(v)
	}
	if pax > r.limits.PAXBytes {
		return r.tooMuch("bytes of PAX records in one entry", int64(r.limits.PAXBytes))
	}
	if hdr.Size < 0 {
		return fmt.Errorf("%w: negative size", ErrArchive)
	}
	return nil
}

func (r *reader) whiteout(dir *node, base string) {
	switch {
	case base == opaque:
		r.tree.hideAll(dir)
	case strings.HasPrefix(base, aufs):
	default:
		r.tree.hide(dir, strings.TrimPrefix(base, whiteout))
	}
}

// place remembers the file that hdr describes, if there is a reason to, and
// forgets what it replaces.
func (r *reader) place(p place, base string, hdr *tar.Header, content io.Reader) error {
	var old *node
	dir := p.folder()
	if dir != nil {
		old = dir.children[base]
	}
	n, err := r.remember(append(p.names[:len(p.names):len(p.names)], base), old, hdr, content)
	switch {
	case err != nil:
		return err
	case n == nil && dir != nil:
		delete(dir.children, base)
	case n != nil:
		n.layer = r.tree.layer
		if n == old {
			return nil
		}
		r.tree.make(p).children[strings.Clone(base)] = n
		r.tree.nodes++
		r.tree.names += len(base) + len(n.target)
		if r.tree.nodes > r.limits.Nodes {
			return r.tooMuch("links and files with rights", int64(r.limits.Nodes))
		}
		if r.tree.names > r.limits.NameBytes {
			return r.tooMuch("bytes in names of links and of files with rights", int64(r.limits.NameBytes))
		}
	}
	return nil
}

// remember returns the node of a file, nil when nothing of it matters.
func (r *reader) remember(at []string, old *node, hdr *tar.Header, content io.Reader) (*node, error) {
	switch hdr.Typeflag {
	case tar.TypeDir:
		if old != nil && old.mode.IsDir() {
			return old, nil // keeps what is in it
		}
		return nil, nil
	case tar.TypeSymlink:
		if hdr.Linkname == "" {
			return nil, fmt.Errorf("%w: a symbolic link to nothing", ErrArchive)
		}
		return &node{mode: fs.ModeSymlink, target: hdr.Linkname}, nil
	case tar.TypeLink:
		return r.link(at, hdr)
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont, '\x00':
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: tar entry of unknown type %q", ErrArchive, hdr.Typeflag)
	}
	_, capable := hdr.PAXRecords[capability]
	n := &node{mode: hdr.FileInfo().Mode() & rights, capable: capable}
	limit := r.wanted.limit(at)
	if limit == 0 && n.mode == 0 && !capable {
		return nil, nil
	}
	if limit > 0 {
		if err := r.keep(n, limit, hdr.Size, content); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// keep reads a wanted file.
func (r *reader) keep(n *node, limit, size int64, content io.Reader) error {
	switch {
	case size > limit:
		n.unread = fmt.Sprintf("it has %d bytes, at most %d are read", size, limit)
	case r.kept+size > r.limits.Kept:
		n.unread = fmt.Sprintf("the files that matter have more than %d bytes together", r.limits.Kept)
	default:
		// Not before they have come: the size may be a lie.
		b, err := io.ReadAll(io.LimitReader(content, size))
		if err != nil {
			return err
		}
		n.content, n.kept = b, true
		r.kept += int64(len(b))
	}
	return nil
}

// link gives a file a second name. Runtimes set the header's mode, so that
// either makes the file one with rights.
func (r *reader) link(at []string, hdr *tar.Header) (*node, error) {
	target, where, err := r.tree.lookup(hdr.Linkname, false)
	if err != nil {
		return nil, err
	}
	if target != nil && target.mode.IsDir() {
		return nil, fmt.Errorf("%w: a hard link to the folder %s", ErrArchive, shorten(hdr.Linkname))
	}
	_, capable := hdr.PAXRecords[capability]
	n := &node{mode: hdr.FileInfo().Mode() & rights, capable: capable}
	if target != nil {
		if n.mode != 0 && target.mode&fs.ModeSymlink == 0 {
			target.mode |= n.mode
		}
		shared := *target
		shared.children, shared.swept = nil, 0
		shared.mode |= n.mode
		shared.capable = shared.capable || capable
		n = &shared
	}
	if limit := r.wanted.limit(at); limit > 0 && !n.kept && n.mode&fs.ModeSymlink == 0 {
		n.unread = "it is a hard link to " + shorten(hdr.Linkname) + ", whose content was not read"
		r.linked = append(r.linked, Wanted{"/" + strings.Join(where, "/"), limit})
	}
	if n.mode == 0 && !n.capable && !n.kept && n.unread == "" {
		return nil, nil
	}
	return n, nil
}
