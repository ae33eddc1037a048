package runtime

import "sync"

// tail keeps the last bytes of what is written to it.
type tail struct {
	mu     sync.Mutex
	size   int
	pinned []byte // what was kept before
	buf    []byte // at most twice size
	total  int64
}

// afterPin is how much is kept of what follows once a tail was pinned, in bytes.
const afterPin = 1 << 10

// pin keeps what there is: of what follows, only a little is kept behind it. A
// second time it does nothing.
func (t *tail) pin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pinned != nil || t.size <= afterPin {
		return
	}
	t.pinned = append([]byte{}, t.buf[max(0, len(t.buf)-(t.size-afterPin)):]...)
	t.buf, t.size = nil, afterPin
}

func newTail(size int) *tail { return &tail{size: size} }

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += int64(len(p))
	n := len(p)
	if len(p) >= t.size {
		t.buf = append(t.buf[:0], p[len(p)-t.size:]...)
		return n, nil
	}
	if len(t.buf)+len(p) > 2*t.size {
		kept := copy(t.buf, t.buf[len(t.buf)-(t.size-len(p)):])
		t.buf = t.buf[:kept]
	}
	t.buf = append(t.buf, p...)
	return n, nil
}

// result returns a copy of the tail, and how much was written in all.
func (t *tail) result() ([]byte, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.buf[max(0, len(t.buf)-t.size):]
	return append(append([]byte(nil), t.pinned...), kept...), t.total
}
