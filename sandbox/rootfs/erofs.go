package rootfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What of the EROFS on-disk format is written here
// (https://docs.kernel.org/filesystems/erofs.html#on-disk-layout). The content
// of files is never compressed, and never put behind an inode: gVisor could not
// map it, and such a program dies of SIGBUS at its first instruction.
const (
	superblock  = 1024       // where it begins
	magic       = 0xe0f5e1e2 //
	blockBits   = 12         // blockBytes as a power of two
	inodeBytes  = 64         // of the extended kind
	nidBytes    = 32         // an inode begins at its number times this
	direntBytes = 12
	extended    = 1      // bit 0 of an inode's format; the others are its layout
	layoutPlain = 0 << 1 // in blocks of its own
	layoutTail  = 2 << 1 // behind the inode
)

// inode is a node with its place among the inodes.
type inode struct {
	*node
	parent *node
	list   []dirent // of a folder
	bytes  int      // of the list of a folder, or of a link's target
	inline bool     // these bytes lie behind the inode
}

// dirent is an entry of a folder.
type dirent struct {
	name string
	node *node
}

// writeTree completes the file: what b holds already is the content of t's
// files, and what follows are folders, links and inodes.
func writeTree(ctx context.Context, b *blocks, t *tree) error {
	list, err := place(ctx, t)
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.bytes > 0 && !i.inline {
			if i.offset, _, err = b.add(bytes.NewReader(i.content())); err != nil {
				return err
			}
		}
	}
	if err := b.pad(); err != nil {
		return err
	}
	first := b.size
	for _, i := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		gap := first + int64(i.nid)*nidBytes - b.size // less than a block
		if err := b.write(append(make([]byte, gap), i.encode()...)); err != nil {
			return err
		}
	}
	if err := b.pad(); err != nil {
		return err
	}
	if err := b.flush(); err != nil {
		return err
	}
	var sb [128]byte
	binary.LittleEndian.PutUint32(sb[0:], magic)
	sb[12] = blockBits
	binary.LittleEndian.PutUint16(sb[14:], uint16(t.root.nid))
	binary.LittleEndian.PutUint64(sb[16:], uint64(len(list)))
	binary.LittleEndian.PutUint32(sb[36:], uint32(b.size/blockBytes))
	binary.LittleEndian.PutUint32(sb[40:], uint32(first/blockBytes))
	_, err = b.file.WriteAt(sb[:], superblock)
	return err
}

// place numbers the inodes, each folder's before those in it, the root first.
func place(ctx context.Context, t *tree) ([]*inode, error) {
	var all []*inode
	next := 0 // where the next inode begins
	var walk func(n, parent *node) error
	walk = func(n, parent *node) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		i := &inode{node: n, parent: parent}
		switch {
		case n.mode.IsDir():
			i.list = entries(n, parent)
			i.bytes = direntsSize(i.list)
		case n.mode&fs.ModeSymlink != 0:
			i.bytes = len(n.target)
		}
		size := inodeBytes
		if i.inline = i.bytes > 0 && inodeBytes+i.bytes <= blockBytes; i.inline {
			size += i.bytes
		}
		if next%blockBytes+size > blockBytes { // neither may cross a block
			next = roundUp(next, blockBytes)
		}
		n.nid = uint64(next / nidBytes)
		next = roundUp(next+size, nidBytes)
		all = append(all, i)
		for _, e := range i.list {
			if e.node == n || e.name == ".." {
				continue
			}
			if err := walk(e.node, n); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(t.root, t.root)
	return all, err
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// entries lists a folder in the order of bytes, itself and its parent among them.
func entries(n, parent *node) []dirent {
	list := make([]dirent, 0, len(n.children)+2)
	list = append(list, dirent{".", n}, dirent{"..", parent})
	for _, c := range n.children {
		list = append(list, dirent{c.name, c})
	}
	slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	return list
}

// fit is how many entries of list the next block takes, and their bytes.
func fit(list []dirent) (n, size int) {
	for n < len(list) && size+direntBytes+len(list[n].name) <= blockBytes {
		size += direntBytes + len(list[n].name)
		n++
	}
	return n, size
}

func direntsSize(list []dirent) int {
	total := 0
	for {
		n, size := fit(list)
		if list = list[n:]; len(list) == 0 {
			return total + size
		}
		total += blockBytes
	}
}

// content is what lies in blocks of its own or behind the inode: the entries of
// a folder, the target of a link.
func (i *inode) content() []byte {
	if i.list == nil {
		return []byte(i.target)
	}
	out := make([]byte, i.bytes)
	for block, list := out, i.list; len(list) > 0; {
		n, _ := fit(list)
		at := n * direntBytes // where the next name goes
		for k, e := range list[:n] {
			d := block[k*direntBytes:]
			binary.LittleEndian.PutUint64(d[0:], e.node.nid)
			binary.LittleEndian.PutUint16(d[8:], uint16(at))
			d[10] = fileType(e.node.mode)
			at += copy(block[at:], e.name)
		}
		list = list[n:]
		block = block[min(blockBytes, len(block)):]
	}
	return out
}

// encode is the inode as it is written, with what lies behind it.
func (i *inode) encode() []byte {
	var b [inodeBytes]byte
	format, size, links := layoutPlain, i.size, 1
	if i.mode.IsDir() {
		links = 2
		for _, c := range i.children {
			if c.mode.IsDir() {
				links++
			}
		}
	}
	if i.bytes > 0 {
		size = int64(i.bytes)
	}
	data := uint32(0)
	switch {
	case i.inline:
		format = layoutTail
	case i.mode&fs.ModeDevice != 0:
		data = i.device
	case size > 0:
		data = uint32(i.offset / blockBytes)
	}
	binary.LittleEndian.PutUint16(b[0:], uint16(format|extended))
	binary.LittleEndian.PutUint16(b[4:], unixMode(i.mode))
	binary.LittleEndian.PutUint64(b[8:], uint64(size))
	binary.LittleEndian.PutUint32(b[16:], data)
	binary.LittleEndian.PutUint32(b[24:], i.uid)
	binary.LittleEndian.PutUint32(b[28:], i.gid)
	binary.LittleEndian.PutUint64(b[32:], uint64(i.mtime.Unix()))
	binary.LittleEndian.PutUint32(b[40:], uint32(i.mtime.Nanosecond()))
	binary.LittleEndian.PutUint32(b[44:], uint32(links))
	if i.inline {
		return append(b[:], i.content()...)
	}
	return b[:]
}

// fileType is the kind of a file in an entry of its folder.
func fileType(m fs.FileMode) byte {
	switch {
	case m.IsDir():
		return 2
	case m&fs.ModeCharDevice != 0:
		return 3
	case m&fs.ModeDevice != 0:
		return 4
	case m&fs.ModeNamedPipe != 0:
		return 5
	case m&fs.ModeSymlink != 0:
		return 7
	}
	return 1
}

// unixMode is the mode as Linux has it.
func unixMode(m fs.FileMode) uint16 {
	kind := [...]uint16{1: unix.S_IFREG, 2: unix.S_IFDIR, 3: unix.S_IFCHR, 4: unix.S_IFBLK, 5: unix.S_IFIFO, 7: unix.S_IFLNK}
	u := kind[fileType(m)] | uint16(m.Perm())
	if m&fs.ModeSetuid != 0 {
		u |= unix.S_ISUID
	}
	if m&fs.ModeSetgid != 0 {
		u |= unix.S_ISGID
	}
	if m&fs.ModeSticky != 0 {
		u |= unix.S_ISVTX
	}
	return u
}
