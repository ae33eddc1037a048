package fill

import (
	"io"
	"os"
	"sync"
)

// fill is one blob being fetched: a file that grows, and who looks at it.
type fill struct {
	req     Request
	started chan struct{} // closed when the source answered, or the fill failed

	mu       sync.Mutex
	file     *os.File   // what is read: this process's, or the one that it follows
	files    []*os.File // to be closed by the last user
	users    int
	written  int64
	verified bool
	err      error
	changed  chan struct{} // closed and replaced whenever the fields above change
	begun    bool
}

// newFill returns a fill with two users: its own run and who asked for it.
func newFill(req Request) *fill {
	return &fill{req: req, users: 2, started: make(chan struct{}), changed: make(chan struct{})}
}

// hold adds a user, unless the fill failed or was let go of by all.
func (f *fill) hold() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == 0 || f.err != nil {
		return false
	}
	f.users++
	return true
}

// release takes a user away; the last one closes the files.
func (f *fill) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	if f.users == 0 {
		for _, file := range f.files {
			file.Close()
		}
	}
}

// update changes the fill and wakes who waits.
func (f *fill) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// begin says that the source answered, or with an error that the fill failed.
// A file takes the place of the one before; it holds at least the same bytes.
func (f *fill) begin(file *os.File, err error) {
	f.update(func() {
		if err != nil {
			f.err = err
		}
		if file != nil && file != f.file {
			f.file = file
			f.files = append(f.files, file)
		}
		if !f.begun {
			f.begun = true
			close(f.started)
		}
	})
}

// grown says that so many bytes can be read by now.
func (f *fill) grown(written int64) {
	if written != f.received() {
		f.update(func() { f.written = written })
	}
}

func (f *fill) beginning() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fill) received() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}

// seen is what readers may have seen: the file and how much of it.
func (f *fill) seen() (*os.File, int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file, f.written
}

// read reads from offset what may be seen. Nothing to read yet gives 0 and the
// channel that tells of news.
func (f *fill) read(p []byte, offset int64) (int, <-chan struct{}, error) {
	f.mu.Lock()
	file, visible, changed, err := f.file, f.written, f.changed, f.err
	if !f.verified {
		// Whoever has all bytes has accepted the blob: keep one back.
		visible = min(visible, f.req.Size-1)
	}
	f.mu.Unlock()
	if offset < visible {
		n, err := file.ReadAt(p[:min(int64(len(p)), visible-offset)], offset)
		if err == io.EOF && n > 0 {
			err = nil
		}
		return n, nil, err
	}
	if err != nil {
		return 0, nil, err
	}
	return 0, changed, nil
}
