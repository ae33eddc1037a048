package proxy

import (
	"context"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

// What a client waits for is upstream's answer and the gate's, not the storage's:
// manifests and tags are known in memory at once and written behind the answer.
// What is lost on the way is fetched again.

const (
	// behindPause lets the answer go first: what waits for the disk takes
	// processors from what decides, for milliseconds at a time.
	behindPause = 25 * time.Millisecond
	// behindMost bounds what is being written behind answers; whoever comes
	// then waits for the storage.
	behindMost = 256
	// behindClose is how long the end of the process waits for it.
	behindClose = 10 * time.Second
)

// behind has write done in the background, after what was written before under
// the same key.
func (c *Content) behind(ctx context.Context, key string, write func(context.Context)) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	before, done := c.writing[key], make(chan struct{})
	c.writing[key] = done
	many := len(c.writing) > behindMost
	c.wg.Add(1)
	c.mu.Unlock()
	go func() {
		defer c.wg.Done()
		if !c.cfg.Shared && !many {
			c.pause(behindPause)
		}
		if before != nil {
			<-before
		}
		ctx, cancel := context.WithTimeout(c.ctx, fetchTimeout)
		defer cancel()
		write(ctx)
		c.mu.Lock()
		if c.writing[key] == done {
			delete(c.writing, key)
		}
		c.mu.Unlock()
		close(done)
	}()
	if many {
		c.written(ctx, key)
	}
}

// pause waits, or until c is closed.
func (c *Content) pause(d time.Duration) {
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-limit.C:
	case <-c.ctx.Done():
	}
}

// written waits until what is being written under the key is, or ctx ends. It
// tells whether there was anything.
func (c *Content) written(ctx context.Context, key string) bool {
	c.mu.Lock()
	done := c.writing[key]
	c.mu.Unlock()
	if done == nil {
		return false
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	return true
}

// allWritten waits for everything that was being written when it was called.
func (c *Content) allWritten(ctx context.Context) {
	c.mu.Lock()
	all := make([]<-chan struct{}, 0, len(c.writing))
	for _, done := range c.writing {
		all = append(all, done)
	}
	c.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// keepManifest has a manifest whose digest was checked stored.
func (c *Content) keepManifest(ctx context.Context, ref image.Reference, m store.Manifest) {
	repo := c.store.Repository(ref.Name())
	repo.Know(m)
	c.behind(ctx, ref.Name()+"@"+m.Digest.String(), func(ctx context.Context) {
		err := repo.Add(ctx, m)
		if partial.Full(err) && c.evictor.MakeRoom(ctx) {
			err = repo.Add(ctx, m)
		}
		if c.faulty(ctx, "storing a manifest", err); err == nil {
			c.evictor.Stored(int64(len(m.Raw)))
		}
	})
}

// keepTag has it stored, after the manifest, what ref's tag means.
func (c *Content) keepTag(ctx context.Context, ref image.Reference) {
	c.behind(ctx, ref.Name()+":"+ref.Tag, func(ctx context.Context) {
		c.written(ctx, ref.Name()+"@"+ref.Digest.String())
		c.faulty(ctx, "storing a tag", c.store.Repository(ref.Name()).SetTag(ctx, ref.Tag, ref.Digest))
	})
}
