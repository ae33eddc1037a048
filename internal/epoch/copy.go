package epoch

import (
	"context"
	"sync"
	"time"
)

// maxAge is how long a Copy is used at most, whatever the marks say: a replica
// that cannot reach Redis cannot announce its changes to those that can.
const maxAge = time.Minute

// Copy keeps a value in memory as long as the mark of its topic stays. It is
// safe for concurrent use.
type Copy[T any] struct {
	epochs *Epochs
	topic  Topic
	load   func(context.Context) (T, error)

	mu    sync.Mutex
	value T
	valid bool
	marks Marks
	until time.Time
}

// NewCopy returns the copy of what load reads. Who changes that calls Changed.
func NewCopy[T any](e *Epochs, topic Topic, load func(context.Context) (T, error)) *Copy[T] {
	return &Copy[T]{epochs: e, topic: topic, load: load}
}

// Get returns the value as it is now: from memory when nothing changed. Callers
// share it, and do not change it. Errors are those of load.
func (c *Copy[T]) Get(ctx context.Context) (T, error) {
	// The mark is read before the value: a change in between makes the copy look
	// too old, never too new. Without a mark no copy is trusted.
	marks, err := c.epochs.Read(ctx, c.topic)
	known := err == nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if known && c.valid && c.marks == marks && time.Now().Before(c.until) {
		return c.value, nil
	}
	value, err := c.load(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	c.value, c.valid, c.marks, c.until = value, known, marks, time.Now().Add(maxAge)
	return value, nil
}

// Changed makes this copy and those of all replicas read again.
func (c *Copy[T]) Changed(ctx context.Context) {
	c.mu.Lock()
	c.valid = false
	c.mu.Unlock()
	c.epochs.Advance(ctx, c.topic)
}
