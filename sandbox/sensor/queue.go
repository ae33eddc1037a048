package sensor

import (
	"encoding/json"
	"sync"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// The queue's bounds in bytes. What lies between them is for critical events only.
const (
	queueBulk = 256 << 10 // beyond it copies of files wait, so that they drive no event out
	queueSoft = 1 << 20   // beyond it non-critical events are dropped
	queueHard = 2 << 20   // beyond it whoever brings a critical event waits
)

// queue orders frames and holds them until the writer takes them. The guest's
// tasks put, one writer takes.
type queue struct {
	mu     sync.Mutex
	room   *sync.Cond // signalled when the writer took the buffer
	work   *sync.Cond // signalled when there is something to take
	buf    []byte
	spare  []byte
	seq    uint64
	lost   uint64 // dropped since the last event.Lost
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.room, q.work = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	return q
}

// sleeper lets the guest's kernel know that its task waits for us; nil where
// waiting is forbidden because kernel locks are held.
type sleeper interface {
	UninterruptibleSleepStart()
	UninterruptibleSleepFinish()
}

// put appends an event. Critical ones wait for room when s is not nil, and are
// appended anyway when it is; others are dropped and counted.
func (q *queue) put(ev *event.Event, s sleeper) {
	payload := encode(ev)
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.buf) >= queueSoft && !ev.Critical() {
		q.lost++
		q.seq++
		return
	}
	q.wait(s, queueHard)
	if q.closed {
		return
	}
	if q.lost > 0 {
		q.seq++
		gap, _ := json.Marshal(&event.Event{Kind: event.Lost, Time: ev.Time, Args: []int64{int64(q.lost)}})
		q.buf = appendFrame(q.buf, frameEvent, q.seq, gap)
		q.lost = 0
	}
	q.seq++
	q.buf = appendFrame(q.buf, frameEvent, q.seq, payload)
	q.work.Signal()
}

// wait waits, when s is not nil, until fewer than bound bytes are held. The lock
// is held before and after.
func (q *queue) wait(s sleeper, bound int) {
	if len(q.buf) < bound || s == nil || q.closed {
		return
	}
	s.UninterruptibleSleepStart()
	for len(q.buf) >= bound && !q.closed {
		q.room.Wait()
	}
	// Finish may wait itself, for a pause to end: not under the lock.
	q.mu.Unlock()
	s.UninterruptibleSleepFinish()
	q.mu.Lock()
}

// awake is who waits without being a task of the guest.
type awake struct{}

func (awake) UninterruptibleSleepStart()  {}
func (awake) UninterruptibleSleepFinish() {}

// raw appends a frame that is no event, and waits for room.
func (q *queue) raw(kind byte, number uint64, payload []byte, s sleeper) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wait(s, queueBulk)
	if q.closed {
		return
	}
	q.buf = appendFrame(q.buf, kind, number, payload)
	q.work.Signal()
}

// sync appends the answer to a commandSync.
func (q *queue) sync() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost > 0 {
		q.seq++
		gap, _ := json.Marshal(&event.Event{Kind: event.Lost, Args: []int64{int64(q.lost)}})
		q.buf = appendFrame(q.buf, frameEvent, q.seq, gap)
		q.lost = 0
	}
	q.buf = appendFrame(q.buf, frameSynced, 0, nil)
	q.work.Signal()
}

// take waits for frames and returns them; nil when the queue is closed. The
// slice is valid until the next take.
func (q *queue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) == 0 && !q.closed {
		q.work.Wait()
	}
	out := q.buf
	q.buf, q.spare = q.spare[:0], out
	q.room.Broadcast()
	if len(out) == 0 {
		return nil
	}
	return out
}

// close ends waiting; later events vanish, as there is nobody to read them.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.room.Broadcast()
	q.work.Broadcast()
}
