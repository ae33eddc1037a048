package main

import (
	"io"
	"sync"
)

// maxWaiting bounds the bytes of log lines that wait to be written; who logs
// more waits, too.
const maxWaiting = 1 << 20

// lines writes what is logged from a goroutine of its own: one line at once,
// and all lines that came while the last write took together. A front that
// answers ten thousand requests in a second spends a tenth of its time on
// writing their lines one by one.
//
// It is safe for concurrent use. Close writes what waits.
type lines struct {
	w       io.Writer
	mu      sync.Mutex
	changed *sync.Cond
	waiting []byte
	closed  bool
	done    chan struct{}
}

func newLines(w io.Writer) *lines {
	l := &lines{w: w, done: make(chan struct{})}
	l.changed = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Write takes one line. It does not tell whether it could be written: who logs
// could do nothing about it.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > maxWaiting && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return l.w.Write(line)
	}
	if len(l.waiting) == 0 {
		l.changed.Broadcast()
	}
	l.waiting = append(l.waiting, line...)
	return len(line), nil
}

// Close writes what waits, and has later lines written at once.
func (l *lines) Close() error {
	l.mu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	<-l.done
	return nil
}

func (l *lines) run() {
	defer close(l.done)
	var batch []byte
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.waiting) == 0 {
			if l.closed {
				return
			}
			l.changed.Wait()
		}
		batch, l.waiting = l.waiting, batch[:0]
		l.mu.Unlock()
		_, _ = l.w.Write(batch)
		l.mu.Lock()
		l.changed.Broadcast()
	}
}
