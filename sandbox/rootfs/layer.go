package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// The markers of the OCI image specification, layer.md, "Whiteouts".
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	aufs     = ".wh..wh." // AUFS's own metadata, means nothing here
)

const xattrRecord = "SCHILY.xattr."

// unpacker applies layers to a tree.
type unpacker struct {
	tree    *tree
	blocks  *blocks
	limits  Limits
	layer   string // digest, for messages
	entries int
}

func (u *unpacker) tooMuch(what string, limit int64) error {
	return &LimitError{Layer: u.layer, What: what, Limit: limit}
}

// apply reads one layer's tar.
func (u *unpacker) apply(ctx context.Context, r io.Reader) error {
	tr := tar.NewReader(r)
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
		if err := u.entry(hdr, tr); err != nil {
			return err
		}
	}
}

func (u *unpacker) entry(hdr *tar.Header, content io.Reader) error {
	if err := u.check(hdr); err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := path.Clean("/" + hdr.Name)
	if strings.ContainsRune(name, 0) {
		return fmt.Errorf("%q: a path with a zero byte", shorten(name))
	}
	dirName, base := path.Split(name)
	if len(base) > maxName {
		return fmt.Errorf("%s: the name is longer than %d bytes", shorten(name), maxName)
	}
	if name == "/" {
		if hdr.Typeflag == tar.TypeDir {
			u.attributes(u.tree.root, hdr)
		}
		return nil
	}
	dir, err := u.tree.dir(dirName)
	if err != nil {
		return err
	}
	if strings.HasPrefix(base, whiteout) {
		u.whiteout(dir, base)
		return nil
	}
	return u.create(dir, base, hdr, content)
}

func (u *unpacker) check(hdr *tar.Header) error {
	if u.entries++; u.entries+u.tree.made > u.limits.Entries {
		return u.tooMuch("entries", int64(u.limits.Entries))
	}
	if len(hdr.Name) > u.limits.PathBytes || len(hdr.Linkname) > u.limits.PathBytes {
		return u.tooMuch("bytes in a path", int64(u.limits.PathBytes))
	}
	pax, xattrs := 0, 0
	for k, v := range hdr.PAXRecords {
		pax += len(k) + len(v)
		if strings.HasPrefix(k, xattrRecord) {
			xattrs += len(k) + len(v) - len(xattrRecord)
		}
	}
	if pax > u.limits.PAXBytes {
		return u.tooMuch("bytes of PAX records in one entry", int64(u.limits.PAXBytes))
	}
	if xattrs > u.limits.XattrBytes {
		return u.tooMuch("bytes of extended attributes on one file", int64(u.limits.XattrBytes))
	}
	if hdr.Size < 0 {
		return fmt.Errorf("%s: negative size", shorten(hdr.Name))
	}
	return nil
}

func (u *unpacker) whiteout(dir *node, base string) {
	switch {
	case base == opaque:
		u.tree.hideAll(dir)
	case strings.HasPrefix(base, aufs):
	default:
		u.tree.hide(dir, strings.TrimPrefix(base, whiteout))
	}
}

// create puts the file that hdr describes into dir.
func (u *unpacker) create(dir *node, base string, hdr *tar.Header, content io.Reader) error {
	n := &node{name: base}
	switch hdr.Typeflag {
	case tar.TypeDir:
		if old := dir.children[base]; old != nil && old.mode.IsDir() {
			n = old // keeps what is in it
		} else {
			n = newDir(base, u.tree.layer)
		}
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont, '\x00':
		// A sparse file is small in the tar and large on disk.
		if hdr.Size > u.limits.TotalBytes-u.blocks.size {
			return u.tooMuch("unpacked bytes in the image", u.limits.TotalBytes)
		}
		begin := &beginning{r: content}
		offset, size, err := u.blocks.add(begin)
		if err != nil {
			return fmt.Errorf("%s: %w", shorten(hdr.Name), err)
		}
		n.offset, n.size, n.program = offset, size, begin.ofProgram()
	case tar.TypeSymlink:
		if hdr.Linkname == "" {
			return fmt.Errorf("%s: a symbolic link to nothing", shorten(hdr.Name))
		}
		n.mode, n.target = fs.ModeSymlink, hdr.Linkname
	case tar.TypeLink:
		return u.link(dir, base, hdr)
	case tar.TypeChar, tar.TypeBlock:
		n.mode = fs.ModeDevice
		if hdr.Typeflag == tar.TypeChar {
			n.mode |= fs.ModeCharDevice
		}
		n.device = deviceNumber(hdr.Devmajor, hdr.Devminor)
	case tar.TypeFifo:
		n.mode = fs.ModeNamedPipe
	default:
		return fmt.Errorf("%s: tar entry of unknown type %q", shorten(hdr.Name), hdr.Typeflag)
	}
	u.attributes(n, hdr)
	dir.children[base] = n
	return nil
}

// link makes a second file of the same bytes: each name has an inode of its own,
// as a link between layers has with overlayfs.
func (u *unpacker) link(dir *node, base string, hdr *tar.Header) error {
	target := u.tree.lookup(path.Clean("/" + hdr.Linkname))
	if target == nil {
		return fmt.Errorf("%s: hard link to %s, which does not exist", shorten(hdr.Name), shorten(hdr.Linkname))
	}
	if target.mode.IsDir() {
		return fmt.Errorf("%s: hard link to %s, which is a directory", shorten(hdr.Name), shorten(hdr.Linkname))
	}
	n := *target
	n.name, n.layer, n.swept = base, u.tree.layer, 0
	dir.children[base] = &n
	return nil
}

// attributes sets what every kind of file has. Extended attributes are left
// out: gVisor's EROFS refuses to open a file that has any. What that costs are
// file capabilities, which some images use instead of a set-uid bit.
func (u *unpacker) attributes(n *node, hdr *tar.Header) {
	n.layer = u.tree.layer
	n.mode = n.mode&fs.ModeType | hdr.FileInfo().Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)
	n.uid, n.gid = uint32(hdr.Uid), uint32(hdr.Gid)
	n.mtime = hdr.ModTime
	if n.mtime.Unix() < 0 {
		n.mtime = time.Unix(0, 0) // EROFS counts from 1970
	}
}

// deviceNumber packs as the kernel's new_encode_dev.
func deviceNumber(major, minor int64) uint32 {
	ma, mi := uint32(major)&0xfff, uint32(minor)&0xfffff
	return mi&0xff | ma<<8 | (mi&^0xff)<<12
}
