package rootfs

import (
	"bytes"
	"context"
	"io"
	"path"
)

// Program is a file of the image that begins as programs do: an ELF file, a
// script, a page of PHP.
type Program struct {
	Path string // absolute
	Size int64

	offset int64
}

// maxPrograms is how many programs a Root knows; Programs tells how many more there are.
const maxPrograms = 50_000

// Programs lists the programs of the image, folder by folder; of those that are
// hard links to each other the first. more is how many it leaves out. Only a
// Root that comes from Build knows them.
func (r *Root) Programs() (list []Program, more int) { return r.programs, r.more }

// OpenProgram is the content of p.
func (r *Root) OpenProgram(p Program) io.Reader { return io.NewSectionReader(r.file, p.offset, p.Size) }

// programs finds the programs in a tree whose files have been written.
func (t *tree) programs(ctx context.Context) (list []Program, more int, err error) {
	seen := map[int64]bool{}
	var walk func(dir *node, at string) error
	walk = func(dir *node, at string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, e := range entries(dir, dir) {
			switch {
			case e.node == dir: // itself and its parent
			case e.node.mode.IsDir():
				if err := walk(e.node, path.Join(at, e.name)); err != nil {
					return err
				}
			case !e.node.program || seen[e.node.offset]:
			case len(list) >= maxPrograms:
				more++
			default:
				seen[e.node.offset] = true
				list = append(list, Program{Path: path.Join(at, e.name), Size: e.node.size, offset: e.node.offset})
			}
		}
		return nil
	}
	return list, more, walk(t.root, "/")
}

// beginning keeps the first bytes that are read of r.
type beginning struct {
	r     io.Reader
	bytes []byte
}

const beginningBytes = 5

// Read implements io.Reader.
func (b *beginning) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if room := beginningBytes - len(b.bytes); room > 0 {
		b.bytes = append(b.bytes, p[:min(n, room)]...)
	}
	return n, err
}

func (b *beginning) ofProgram() bool {
	for _, magic := range []string{"\x7fELF", "#!", "<?php"} {
		if bytes.HasPrefix(b.bytes, []byte(magic)) {
			return true
		}
	}
	return false
}
