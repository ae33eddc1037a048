package sandbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// proof tells when enough was seen of a guest that goes on and on: it judges
// what there is so far, now and then, by the rules that judge the whole in the
// end. A guest that was proved malicious gets a little more time for further
// evidence. Most guests end before the first look; one that makes more events
// than are kept here runs to its end.
type proof struct {
	judge Judge
	fold  func([]event.Event) *observation.Observation
	log   *slog.Logger

	mu     sync.Mutex
	events []event.Event
	over   bool // nothing will be judged any more
}

// The looks are after firstLook of wall time and every time that has doubled.
const (
	firstLook   = 10 * time.Second
	grace       = 5 * time.Second
	maxInProof  = 30_000 // events
	enoughProof = "what it had done by then is proof enough"
)

func (q *proof) add(e event.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return
	}
	if q.events = append(q.events, e); len(q.events) > maxInProof {
		q.over, q.events = true, nil
	}
}

// wait calls done when the proof is complete, and returns then, or when ctx
// ends, or when there are too many events.
func (q *proof) wait(ctx context.Context, done func()) {
	defer func() {
		q.mu.Lock()
		q.over, q.events = true, nil
		q.mu.Unlock()
	}()
	for after := firstLook; pause(ctx, after); after *= 2 {
		switch complete, more := q.look(ctx); {
		case complete:
			if pause(ctx, grace) {
				done()
			}
			return
		case !more:
			return
		}
	}
}

// look judges what there is. more is false when further looks are in vain.
func (q *proof) look(ctx context.Context) (complete, more bool) {
	q.mu.Lock()
	over, events := q.over, q.events[:len(q.events):len(q.events)]
	q.mu.Unlock()
	if over {
		return false, false
	}
	j, err := q.judge.Judge(ctx, q.fold(events))
	if err != nil {
		q.log.Debug("what a guest did so far could not be judged", "error", err)
		return false, false
	}
	return j.Malicious, true
}

// pause waits. It is false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
