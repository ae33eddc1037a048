package service

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// queue holds the runs: those that wait, in their order, and all by their id.
type queue struct {
	limit int

	mu      sync.Mutex
	all     map[string]*run
	waiting []*run
	closed  bool
	more    chan struct{} // one token per run that was ever added; surplus tokens find nothing
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, all: map[string]*run{}, more: make(chan struct{}, limit)}
}

// add takes a run in. It is false when too many wait, or the service closes.
func (q *queue) add(r *run) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting) >= q.limit {
		return false
	}
	q.all[r.id] = r
	q.waiting = append(q.waiting, r)
	q.renumber()
	select {
	case q.more <- struct{}{}:
	default: // as many tokens as runs may wait are there already
	}
	return true
}

// next is the run that waited longest; nil when ctx ends.
func (q *queue) next(ctx context.Context) *run {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.more:
		}
		q.mu.Lock()
		var r *run
		if len(q.waiting) > 0 && !q.closed {
			r = q.waiting[0]
			q.waiting = q.waiting[1:]
			q.renumber()
		}
		q.mu.Unlock()
		if r != nil {
			return r
		}
	}
}

// get finds a run by its id; nil when there is none.
func (q *queue) get(id string) *run {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all[id]
}

// remove takes a run out, wherever it is; nil when there is none. waiting
// tells that no worker had it, nor will have it.
func (q *queue) remove(id string) (r *run, waiting bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r = q.all[id]
	if r == nil {
		return nil, false
	}
	delete(q.all, id)
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			q.renumber()
			close(r.ended)
			return r, true
		}
	}
	return r, false
}

// expired takes out the runs that were over at t.
func (q *queue) expired(t time.Time) []*run {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*run
	for id, r := range q.all {
		if r.finishedBefore(t) {
			delete(q.all, id)
			out = append(out, r)
		}
	}
	return out
}

// close takes everything out and lets nothing in.
func (q *queue) close() []*run {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, r := range q.waiting {
		close(r.ended)
	}
	q.waiting = nil
	out := make([]*run, 0, len(q.all))
	for id, r := range q.all {
		out = append(out, r)
		r.cancel()
		delete(q.all, id)
	}
	return out
}

// renumber tells every waiting run its position.
func (q *queue) renumber() {
	for i, r := range q.waiting {
		r.set(protocol.RunState{State: protocol.Queued, Position: i + 1})
	}
}
