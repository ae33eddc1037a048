package rootfs

import (
	"bufio"
	"io"
	"os"
)

// spool holds the data of all files until it is known which of them last. Its
// file has no name: it is gone when it is closed, or the process dies.
type spool struct {
	file *os.File
	w    *bufio.Writer
	buf  []byte
	size int64
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return &spool{file: f, w: bufio.NewWriterSize(f, 1<<20), buf: make([]byte, 256<<10)}, nil
}

// add appends everything of r and tells where it lies.
func (s *spool) add(r io.Reader) (offset, size int64, err error) {
	offset = s.size
	n, err := io.CopyBuffer(struct{ io.Writer }{s.w}, struct{ io.Reader }{r}, s.buf)
	s.size += n
	return offset, n, err
}

func (s *spool) flush() error { return s.w.Flush() }

func (s *spool) close() error { return s.file.Close() }
