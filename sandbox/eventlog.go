package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxEventLog bounds the artifact; the observation has bounds of its own.
const maxEventLog = 64 << 20

// eventLog keeps a run's events as lines of JSON, up to maxEventLog bytes. The
// first fault is remembered and told by Close.
type eventLog struct {
	f    *os.File
	w    *bufio.Writer
	left int
	err  error
}

func newEventLog(path string) (*eventLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log of events: %w", err)
	}
	return &eventLog{f: f, w: bufio.NewWriterSize(f, 64<<10), left: maxEventLog}, nil
}

func (l *eventLog) add(e event.Event) {
	if l.err != nil || l.left <= 0 {
		return
	}
	line, err := json.Marshal(e)
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
	err := errors.Join(l.err, l.w.Flush(), l.f.Close())
	l.f = nil
	if err != nil {
		return fmt.Errorf("the log of events: %w", err)
	}
	return nil
}
