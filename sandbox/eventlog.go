package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// The artifact is as large as this at most, before and after compression; the
// observation has bounds of its own.
const (
	maxEventLog        = 256 << 20
	maxEventLogOnDisk  = protocol.MaxEvents - 64<<10 // room for what the compressor still holds
	eventLogCompressed = gzip.BestSpeed
)

// eventLog keeps a run's events as lines of JSON, compressed with gzip. The
// first fault is remembered and told by Close.
type eventLog struct {
	f    *os.File
	disk counter
	gz   *gzip.Writer
	w    *bufio.Writer
	left int
	err  error
}

// counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func newEventLog(path string) (*eventLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log of events: %w", err)
	}
	l := &eventLog{f: f, disk: counter{w: f}, left: maxEventLog}
	if l.gz, err = gzip.NewWriterLevel(&l.disk, eventLogCompressed); err != nil {
		f.Close()
		return nil, fmt.Errorf("the log of events: %w", err)
	}
	l.w = bufio.NewWriterSize(l.gz, 64<<10)
	return l, nil
}

// add keeps an event with the name of its pass, which goes without saying for
// the first.
func (l *eventLog) add(pass string, e event.Event) {
	if l.err != nil || l.left <= 0 || l.disk.n > maxEventLogOnDisk-event.MaxFrame {
		return
	}
	if pass == observation.Default {
		pass = ""
	}
	line, err := json.Marshal(struct {
		Pass string `json:"pass,omitempty"`
		event.Event
	}{pass, e})
	if err != nil {
		l.err = err
		return
	}
	if l.left -= len(line) + 1; l.left <= 0 {
		return
	}
	_, err = l.w.Write(append(line, '\n'))
	l.err = err
}

// Close may be called twice.
func (l *eventLog) Close() error {
	if l.f == nil {
		return nil
	}
	err := errors.Join(l.err, l.w.Flush(), l.gz.Close(), l.f.Close())
	l.f = nil
	if err != nil {
		return fmt.Errorf("the log of events: %w", err)
	}
	return nil
}
