package rootfs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/erofs/go-erofs"
)

// writeImage writes t as an uncompressed EROFS image: what gVisor maps straight
// into the guest. The data comes from data, at each node's offset.
func writeImage(ctx context.Context, dst string, t *tree, data io.ReaderAt) (err error) {
	partial := dst + ".partial"
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(partial)
		}
	}()
	defer f.Close()
	out := &seekBuffer{f: f, w: bufio.NewWriterSize(f, 1<<20)}
	// A fixed build time makes equal images equal files.
	w := erofs.Create(out, erofs.WithBuildTime(0, 0), erofs.WithTempDir(path.Dir(dst)))
	if err := w.CopyFrom(&treeFS{ctx: ctx, tree: t, data: data}); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := out.w.Flush(); err != nil {
		return err
	}
	if err := moveInlineData(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(partial, dst)
}

// seekBuffer buffers a file's writes: the EROFS writer makes two per small file.
type seekBuffer struct {
	f *os.File
	w *bufio.Writer
}

func (b *seekBuffer) Write(p []byte) (int, error) { return b.w.Write(p) }

func (b *seekBuffer) Seek(offset int64, whence int) (int64, error) {
	if err := b.w.Flush(); err != nil {
		return 0, err
	}
	return b.f.Seek(offset, whence)
}

// treeFS shows a tree to the EROFS writer, which walks it once.
type treeFS struct {
	ctx  context.Context
	tree *tree
	data io.ReaderAt
}

func (t *treeFS) find(op, name string) (*node, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	n := t.tree.root
	if name != "." {
		for _, part := range split(name) {
			if n = n.children[part]; n == nil {
				return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
			}
		}
	}
	return n, nil
}

// Open implements fs.FS.
func (t *treeFS) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	return &treeFile{SectionReader: io.NewSectionReader(t.data, n.offset, n.size), n: n}, nil
}

// Stat implements fs.StatFS.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return nodeInfo{n}, nil
}

// ReadDir implements fs.ReadDirFS.
func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	list := n.sorted()
	entries := make([]fs.DirEntry, len(list))
	for i, c := range list {
		entries[i] = fs.FileInfoToDirEntry(nodeInfo{c})
	}
	return entries, nil
}

// ReadLink returns where a symbolic link points.
func (t *treeFS) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", errors.New("not a symbolic link: " + name)
	}
	return n.target, nil
}

type treeFile struct {
	*io.SectionReader
	n *node
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return nodeInfo{f.n}, nil }
func (f *treeFile) Close() error               { return nil }

// nodeInfo is a node as the EROFS writer wants to see it.
type nodeInfo struct{ n *node }

func (i nodeInfo) Name() string       { return i.n.name }
func (i nodeInfo) Size() int64        { return i.n.size }
func (i nodeInfo) Mode() fs.FileMode  { return i.n.mode }
func (i nodeInfo) ModTime() time.Time { return i.n.mtime }
func (i nodeInfo) IsDir() bool        { return i.n.mode.IsDir() }

func (i nodeInfo) Sys() any {
	links := 1
	if i.n.mode.IsDir() {
		links = 2
		for _, c := range i.n.children {
			if c.mode.IsDir() {
				links++
			}
		}
	}
	return &erofs.Stat{
		Mode: i.n.mode, Size: i.n.size, Rdev: i.n.device,
		UID: i.n.uid, GID: i.n.gid, Nlink: links,
		Mtime: uint64(i.n.mtime.Unix()), MtimeNs: uint32(i.n.mtime.Nanosecond()),
	}
}
