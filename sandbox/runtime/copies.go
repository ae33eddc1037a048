package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// maxCopied is the most bytes that all copies of a run take on disk. The sensor
// keeps to less; it may be owned by the guest.
const maxCopied = 128 << 20

// Copied is a file of the guest that was kept.
type Copied struct {
	event.Copy
	File  string // where the copy is
	Whole bool   // false when it was cut off
}

// copyStore keeps the files that the sensor copies. One goroutine uses it.
type copyStore struct {
	dir   string
	bytes int64
	list  []Copied
	open  map[uint64]*copying
}

type copying struct {
	f     *os.File
	index int
}

func newCopyStore(dir string) (*copyStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for copies of files: %w", err)
	}
	return &copyStore{dir: dir, open: map[uint64]*copying{}}, nil
}

// take stores one piece.
func (s *copyStore) take(p sensor.Piece) error {
	if p.What != nil {
		name := filepath.Join(s.dir, strconv.FormatUint(p.ID, 10))
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return fmt.Errorf("keeping a copy of a file: %w", err)
		}
		s.open[p.ID] = &copying{f: f, index: len(s.list)}
		s.list = append(s.list, Copied{Copy: *p.What, File: name})
		return nil
	}
	c := s.open[p.ID]
	if c == nil {
		return nil
	}
	if len(p.Data) > 0 && s.bytes+int64(len(p.Data)) <= maxCopied {
		n, err := c.f.Write(p.Data)
		s.bytes += int64(n)
		if err != nil {
			return fmt.Errorf("keeping a copy of a file: %w", err)
		}
	}
	if p.End {
		delete(s.open, p.ID)
		info, err := c.f.Stat()
		s.list[c.index].Whole = err == nil && info.Size() == s.list[c.index].Size
		return c.f.Close()
	}
	return nil
}

// close closes what was cut off.
func (s *copyStore) close() error {
	var errs []error
	for _, c := range s.open {
		errs = append(errs, c.f.Close())
	}
	clear(s.open)
	return errors.Join(errs...)
}
