package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"
)

// board is where workers write how far they are, and others read it: one key
// per digest and one channel in Redis. It may be lost; nothing but the answer
// to "how far is it" depends on it.
type board struct {
	redis redis.UniversalClient

	mu      sync.Mutex
	waiters map[*waiter]struct{}
	stop    context.CancelFunc // of the subscription, while somebody waits
}

type waiter struct {
	digests []digest.Digest
	changed chan struct{} // holds one
}

const (
	boardPrefix  = "sallyport:analysis:state:"
	boardChannel = "sallyport:analysis:changed"
	boardAge     = time.Hour
)

func newBoard(r redis.UniversalClient) *board {
	return &board{redis: r, waiters: map[*waiter]struct{}{}}
}

func (b *board) read(ctx context.Context, d digest.Digest) (State, error) {
	raw, err := b.redis.Get(ctx, boardPrefix+d.String()).Bytes()
	if errors.Is(err, redis.Nil) {
		return State{Digest: d}, nil
	}
	if err != nil {
		return State{}, err
	}
	var s State
	if json.Unmarshal(raw, &s) != nil || s.Digest != d {
		return State{Digest: d}, nil
	}
	return s, nil
}

// write says s to everybody. Redis being away is no reason to stop a run.
func (b *board) write(ctx context.Context, s State) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	b.notify(s.Digest.String())
	err = b.redis.Set(ctx, boardPrefix+s.Digest.String(), raw, boardAge).Err()
	return errors.Join(err, b.redis.Publish(ctx, boardChannel, s.Digest.String()).Err())
}

// wait returns when something was written about one of ds since it began, or
// when ctx ends.
func (b *board) wait(ctx context.Context, ds []digest.Digest) {
	w := &waiter{digests: ds, changed: make(chan struct{}, 1)}
	b.join(w)
	defer b.leave(w)
	select {
	case <-w.changed:
	case <-ctx.Done():
	}
}

// join adds w. All who wait in this process share one subscription, which lasts
// as long as there are any.
func (b *board) join(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiters[w] = struct{}{}
	if b.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		b.stop = cancel
		go b.listen(ctx)
	}
}

func (b *board) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiters, w)
	if len(b.waiters) == 0 {
		b.stop()
		b.stop = nil
	}
}

func (b *board) listen(ctx context.Context) {
	sub := b.redis.Subscribe(ctx, boardChannel)
	defer sub.Close()
	for ctx.Err() == nil {
		m, err := sub.ReceiveMessage(ctx)
		if err == nil {
			b.notify(m.Payload)
			continue
		}
		// Redis is away; who waits asks again by himself meanwhile.
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (b *board) notify(d string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.waiters {
		if slices.Contains(w.digests, digest.Digest(d)) {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}
}

// Wait returns when something became known about one of ds, at the latest after
// a second, since news can be lost: who waits looks again then. It returns
// ctx's error when ctx ended.
func (q *Queue) Wait(ctx context.Context, ds ...digest.Digest) error {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	q.board.wait(short, ds)
	return ctx.Err()
}
