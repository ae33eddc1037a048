package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

const (
	// syncEvery is how often what was written is made to last.
	syncEvery = 30 * time.Second
	// doubtFor is how much older than the last sync a file may seem and still
	// be doubted: clocks are set, also while we run.
	doubtFor = 5 * time.Minute

	markPrefix = "running-"
)

// guard knows what cannot be trusted after the machine stopped uncleanly, on a
// file system that is synced now and then instead of with every file.
//
// Each process keeps a locked mark in the fill folder. The mark's time says
// until when everything was synced; a clean stop syncs and removes it. A mark
// that nobody has the lock of is that of a process which ended otherwise:
// everything newer than it is read and compared with its digest, at once in
// the background and before it is served.
type guard struct {
	mark    *os.File
	dead    []*os.File                // marks of processes that ended uncleanly, until all is verified
	since   atomic.Pointer[time.Time] // what is newer is doubted; nil for nothing
	trusted sync.Map                  // digest.Digest → true: verified, or written by this process
	reading singleflight.Group
}

func (g *guard) begin(dir string, now time.Time) error {
	marks, err := filepath.Glob(filepath.Join(dir, markPrefix+"*"))
	if err != nil {
		return err
	}
	for _, name := range marks {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		fi, err := f.Stat()
		if err != nil || partial.Lock(f) != nil || !partial.Linked(f) {
			f.Close() // of a living process, or gone
			continue
		}
		g.dead = append(g.dead, f)
		if since := fi.ModTime().Add(-doubtFor); g.since.Load() == nil || since.Before(*g.since.Load()) {
			g.since.Store(&since)
		}
	}
	name := markPrefix + partial.Name()[:26]
	if g.mark, err = partial.Create(dir, name); err != nil {
		return err
	}
	return os.Chtimes(g.mark.Name(), now, now)
}

// doubts tells whether the blob must be verified before it is trusted.
func (g *guard) doubts(d digest.Digest, changed time.Time) bool {
	since := g.since.Load()
	if since == nil || changed.Before(*since) {
		return false
	}
	_, ok := g.trusted.Load(d)
	return !ok
}

// trust says that this process wrote or verified the bytes of d.
func (s *Store) trust(d digest.Digest) {
	if s.guard.since.Load() != nil {
		s.guard.trusted.Store(d, true)
	}
}

// Run verifies what an unclean stop left in doubt, and syncs what is written
// now and then, until ctx ends. It returns at once where a driver does that.
func (s *Store) Run(ctx context.Context) {
	if s.root == "" {
		return
	}
	if err := s.VerifyDoubted(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("what was stored last before an unclean stop could not all be verified; it is when it is read", "error", err)
	}
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.sync(); err != nil {
				s.log.Error("what was stored last is not safe yet", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Close syncs what was written, so that nothing of it will be in doubt.
func (s *Store) Close() error {
	if s.guard.mark == nil {
		return nil
	}
	err := s.sync()
	if err == nil {
		err = os.Remove(s.guard.mark.Name())
	}
	for _, f := range append(s.guard.dead, s.guard.mark) {
		f.Close()
	}
	s.guard.mark, s.guard.dead = nil, nil
	return err
}

// sync makes last what was written, and says so on the mark.
func (s *Store) sync() error {
	now := s.now() // what is written from here on is newer
	if s.written.Swap(false) {
		if err := unix.Syncfs(int(s.guard.mark.Fd())); err != nil {
			s.written.Store(true)
			return fmt.Errorf("syncing the file system of %s: %w", s.root, err)
		}
	}
	return os.Chtimes(s.guard.mark.Name(), now, now)
}

// VerifyDoubted reads all that is in doubt and removes what is damaged.
func (s *Store) VerifyDoubted(ctx context.Context) error {
	since := s.guard.since.Load()
	if since == nil {
		return nil
	}
	s.log.Warn("the gate stopped uncleanly: verifying what was stored last", "since", since.UTC())
	var doubted []digest.Digest
	if err := s.walk(ctx, blobsRoot, func(e entry) {
		if d, ok := blobAt(e.path); ok && s.guard.doubts(d, e.changed) {
			doubted = append(doubted, d)
		}
	}); err != nil {
		return err
	}
	damaged := 0
	for _, d := range doubted {
		switch err := s.verify(ctx, d); {
		case errors.Is(err, ErrNotFound):
			damaged++
		case err != nil:
			return err
		}
	}
	s.log.Info("verified what was stored last", "blobs", len(doubted), "damaged", damaged)
	s.guard.since.Store(nil)
	s.guard.trusted.Clear()
	for _, f := range s.guard.dead {
		if err := os.Remove(f.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// verify compares a blob's bytes with its digest. Other bytes are removed, and
// the error wraps ErrNotFound.
func (s *Store) verify(ctx context.Context, d digest.Digest) error {
	ch := s.guard.reading.DoChan(d.String(), func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		r, err := s.driver.Reader(ctx, blobPath(d), 0)
		if err != nil {
			return nil, s.failed("verifying", d, err)
		}
		defer r.Close()
		sum := d.Algorithm().Hash()
		if _, err := io.Copy(sum, r); err != nil {
			return nil, s.failed("verifying", d, err)
		}
		if digest.NewDigest(d.Algorithm(), sum) == d {
			s.trust(d)
			return nil, nil
		}
		s.log.Warn("a blob was damaged by an unclean stop and is removed", "digest", d)
		if err := s.remove(ctx, path.Dir(blobPath(d))); err != nil {
			return nil, s.failed("removing the damaged", d, err)
		}
		return nil, fmt.Errorf("%w: the stored bytes of %s are damaged", ErrNotFound, d)
	})
	select {
	case res := <-ch:
		return res.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reading counts who reads which blob from a driver that has no files, whose
// blobs vanish under their readers.
type reading struct {
	mu    sync.Mutex
	blobs map[digest.Digest]int
}

func (r *reading) begin(d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs[d]++
}

func (r *reading) end(d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blobs[d]--; r.blobs[d] <= 0 {
		delete(r.blobs, d)
	}
}

func (r *reading) now(d digest.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blobs[d] > 0
}
