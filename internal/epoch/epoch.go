// Package epoch lets every replica notice at its next decision that something
// which lasts has changed: labels, permissions, names, policies, verdicts.
//
// Who changes an object advances the mark of its topic; who keeps a copy in
// memory compares marks before using it. Marks live in Redis and may be lost:
// a lost mark is a new mark, so that the copy is read again. The package holds
// no data of its own and never decides anything.
package epoch

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unique"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
)

// Topic is a kind of thing that changes.
type Topic string

// The topics of this module.
const (
	Labels      Topic = "labels"
	Names       Topic = "names"
	Permissions Topic = "permissions"
	Policies    Topic = "policies"
	Risks       Topic = "risks"
	Settings    Topic = "settings"
	Verdicts    Topic = "verdicts"
)

// Marks says how far topics are: equal Marks of equal topics mean that nothing
// changed in between. Marks are comparable as strings only, not ordered.
type Marks string

// Epochs reads and advances marks. It is safe for concurrent use.
type Epochs struct {
	redis redis.UniversalClient

	sending sync.Mutex // held while marks are announced, so that no Read overtakes them

	mu     sync.Mutex
	unsent map[Topic]bool // advanced here while Redis was away
	closed time.Time      // until when Redis is not asked, after it failed
	last   error

	asking bool   // a round is under way
	next   *round // of those who came meanwhile; nil when there are none
}

// New returns the marks kept in r.
func New(r redis.UniversalClient) *Epochs {
	return &Epochs{redis: r, unsent: map[Topic]bool{}}
}

const (
	// timeout bounds one exchange: a decision does not wait longer for a cache.
	timeout = 500 * time.Millisecond
	// pause is how long a failed Redis is left alone, so that decisions do not
	// each wait for the timeout.
	pause = time.Second
)

// Read returns the marks of topics. An error means that Redis cannot be asked:
// then no copy may be trusted, and the objects are to be read.
func (e *Epochs) Read(ctx context.Context, topics ...Topic) (Marks, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	r, lead, err := e.join(topics)
	if err != nil {
		return "", err
	}
	if lead {
		e.lead(r)
	} else {
		select {
		case <-r.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if r.err != nil {
		return "", r.err
	}
	marks := make([]byte, 0, len(topics)*(ulid.EncodedSize+1))
	for _, t := range topics {
		marks = append(append(marks, r.marks[t]...), ' ')
	}
	// One string for all copies: they keep it as long as they last.
	return Marks(unique.Make(string(marks)).Value()), nil
}

// Advance gives topic a new mark, after the change was written to objects. It
// does not fail: while Redis is away nobody trusts copies, and the mark is
// advanced as soon as Redis is back.
func (e *Epochs) Advance(ctx context.Context, topic Topic) {
	e.mu.Lock()
	e.unsent[topic] = true
	e.mu.Unlock()
	if e.paused() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := e.resend(ctx); err != nil {
		_ = e.failed(ctx, err)
	}
}

func (e *Epochs) begin(ctx context.Context, t Topic) (string, error) {
	fresh := ulid.Make().String()
	set, err := e.redis.SetNX(ctx, key(t), fresh, 0).Result()
	if err != nil || set {
		return fresh, err
	}
	return e.redis.Get(ctx, key(t)).Result()
}

// resend writes the marks of what was changed here and could not be announced.
func (e *Epochs) resend(ctx context.Context) error {
	e.sending.Lock()
	defer e.sending.Unlock()
	e.mu.Lock()
	topics := make([]Topic, 0, len(e.unsent))
	for t := range e.unsent {
		topics = append(topics, t)
	}
	clear(e.unsent)
	e.mu.Unlock()
	for i, t := range topics {
		if err := e.redis.Set(ctx, key(t), ulid.Make().String(), 0).Err(); err != nil {
			e.mu.Lock()
			for _, left := range topics[i:] {
				e.unsent[left] = true
			}
			e.mu.Unlock()
			return err
		}
	}
	return nil
}

func (e *Epochs) paused() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Now().Before(e.closed) {
		return e.last
	}
	return nil
}

func (e *Epochs) failed(ctx context.Context, err error) error {
	err = fmt.Errorf("asking Redis what changed: %w", err)
	if context.Cause(ctx) == context.Canceled {
		return err // the asker left; that says nothing about Redis
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.last = time.Now().Add(pause), err
	return err
}

// The braces put all marks on one node of a Redis cluster, as MGET needs.
func key(t Topic) string { return "{sallyport:epoch}:" + string(t) }
