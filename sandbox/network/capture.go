package network

import (
	"bufio"
	"fmt"
	"os"
	"sync"
)

// capture writes packets to a file, as far as the limit goes. It never fails a
// write, since the sniffer panics then; close tells what went wrong.
type capture struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
	left int64
	err  error
}

func newCapture(path string, limit int64) (*capture, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	return &capture{file: f, out: bufio.NewWriterSize(f, 256<<10), left: limit}, nil
}

// CaptureHeader is how many bytes a capture has in front of its packets: those
// of one can be put behind those of another.
const CaptureHeader = 24

// Write takes one record: what does not fit any more is left out whole.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int64(len(p)) > c.left {
		c.left = 0
		return len(p), nil
	}
	c.left -= int64(len(p))
	if c.err == nil {
		_, c.err = c.out.Write(p)
	}
	return len(p), nil
}

func (c *capture) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = c.out.Flush()
	}
	if err := c.file.Close(); c.err == nil {
		c.err = err
	}
	if c.err != nil {
		return fmt.Errorf("capture: %w", c.err)
	}
	return nil
}
