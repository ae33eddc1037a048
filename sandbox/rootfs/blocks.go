package rootfs

import (
	"errors"
	"io"
	"os"
)

// blockBytes is the size of a block of the image: a page, so that gVisor can
// map files straight from it.
const blockBytes = 4096

// blocks writes the image's file from front to back. The content of the
// image's files goes straight to where it stays, each file in blocks of its
// own; what upper layers hide stays behind as blocks that nothing points to.
type blocks struct {
	file *os.File
	buf  []byte // not written yet; its capacity is a multiple of a block
	size int64  // of everything so far, what is in buf too
}

// createBlocks begins the file at path. Its first block is left for the
// superblock.
func createBlocks(path string) (*blocks, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	b := &blocks{file: f, buf: make([]byte, 0, 64*blockBytes)}
	b.buf = b.buf[:blockBytes]
	b.size = blockBytes
	return b, nil
}

// add appends all of r from the next block on, and tells where it lies.
func (b *blocks) add(r io.Reader) (offset, size int64, err error) {
	if err := b.pad(); err != nil {
		return 0, 0, err
	}
	offset = b.size
	for {
		if err := b.room(); err != nil {
			return 0, 0, err
		}
		n, err := r.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		b.size += int64(n)
		if errors.Is(err, io.EOF) {
			return offset, b.size - offset, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

// write appends p where the last write ended.
func (b *blocks) write(p []byte) error {
	for len(p) > 0 {
		if err := b.room(); err != nil {
			return err
		}
		n := copy(b.buf[len(b.buf):cap(b.buf)], p)
		b.buf = b.buf[:len(b.buf)+n]
		b.size += int64(n)
		p = p[n:]
	}
	return nil
}

// pad fills the last block with zeros.
func (b *blocks) pad() error {
	var zeros [blockBytes]byte
	return b.write(zeros[:-b.size&(blockBytes-1)])
}

// room empties the buffer when it is full.
func (b *blocks) room() error {
	if len(b.buf) < cap(b.buf) {
		return nil
	}
	return b.flush()
}

func (b *blocks) flush() error {
	_, err := b.file.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}
