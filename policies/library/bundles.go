package library

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// supply is one bundle: where it comes from, and the last good one of it.
type supply struct {
	source   *bundle.Source
	entries  []Entry // held by Library.mu
	mark     string  // of what entries are; held by Library.mu
	restored bool    // entries are those that were kept
	unkept   func()  // keeps entries once they are in force; nil: they are kept
	status   atomic.Pointer[Source]
}

// openTime bounds the look at a bundle of which a good one is at hand.
const openTime = 15 * time.Second

// open loads all shelves for the first time.
func (l *Library) open(ctx context.Context) error {
	var missing errgroup.Group
	for _, cfg := range l.cfg.Bundles {
		source, err := bundle.New(cfg)
		if err != nil {
			return err
		}
		s := &supply{source: source}
		s.status.Store(&Source{Shelf: Bundle, Place: source.Name()})
		l.supplies = append(l.supplies, s)
		if l.restore(ctx, s) {
			continue
		}
		missing.Go(func() error {
			f, c, err := s.get(ctx, "")
			if err == nil {
				l.accept(s, f, c)
			}
			return err
		})
	}
	if err := missing.Wait(); err != nil {
		return fmt.Errorf("loading policies: %w; none was kept from before, so nothing is known to decide by", err)
	}
	err := l.Reload(ctx)
	if err != nil && l.renew(ctx) {
		// What was kept did not fit what the other shelves hold by now.
		err = l.Reload(ctx)
	}
	if err != nil {
		return err
	}
	l.lookAll(ctx)
	return nil
}

// renew replaces bundles that were restored by those of now, as far as they
// can be had, and tells whether any was.
func (l *Library) renew(ctx context.Context) (renewed bool) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	for _, s := range l.supplies {
		if !s.restored {
			continue
		}
		if f, c, err := s.get(ctx, s.mark); err == nil {
			l.accept(s, f, c)
			renewed = true
		}
	}
	return renewed
}

// lookAll looks at bundles that were restored, and keeps those that were not.
func (l *Library) lookAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	var group errgroup.Group
	for _, s := range l.supplies {
		switch {
		case s.restored:
			group.Go(func() error { _ = l.look(ctx, s); return nil })
		case s.unkept != nil:
			s.unkept()
			s.unkept = nil
		}
	}
	_ = group.Wait() // what fails is reported, and tried again
}

// get fetches and reads.
func (s *supply) get(ctx context.Context, mark string) (bundle.Fetched, bundle.Contents, error) {
	f, err := s.source.Fetch(ctx, mark)
	if err != nil {
		return f, bundle.Contents{}, err
	}
	c, err := s.source.Read(f.Bytes)
	return f, c, err
}

// accept takes c as the last good one of a bundle that is not in force yet.
func (l *Library) accept(s *supply, f bundle.Fetched, c bundle.Contents) {
	s.entries, s.mark, s.restored = entriesOf(s.source, c), f.Mark, false
	s.unkept = func() { l.keep(context.Background(), s, f, c) }
	l.succeeded(s, c, l.now())
}

// look fetches what is new of a bundle and puts it in force. When that fails,
// the last good one stays.
func (l *Library) look(ctx context.Context, s *supply) error {
	l.mu.Lock()
	mark := s.mark
	l.mu.Unlock()
	f, c, err := s.get(ctx, mark)
	if err == nil {
		err = l.receive(ctx, s, f, c)
	}
	switch {
	case err == nil:
		l.keep(ctx, s, f, c)
		l.succeeded(s, c, l.now())
		l.log.Info("a new bundle of policies", "bundle", s.source.Name(), "revision", c.Revision, "policies", len(c.Policies))
	case errors.Is(err, bundle.ErrUnchanged):
		l.unchanged(s)
		return nil
	case ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded):
		l.failed(s, err)
	}
	return err
}

// receive puts a new archive in force beside what is in force of the other
// shelves, so that a fault of theirs is no obstacle.
func (l *Library) receive(ctx context.Context, s *supply, f bundle.Fetched, c bundle.Contents) error {
	entries := entriesOf(s.source, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(entries)
	for _, e := range l.current.Load().shelf {
		if e.Shelf != BuiltIn && e.supply != s.source {
			all = append(all, e)
		}
	}
	all, err := merge(all)
	if err == nil {
		err = l.put(ctx, all)
	}
	if err != nil {
		return fmt.Errorf("bundle %s: %w", s.source.Name(), err)
	}
	s.entries, s.mark, s.restored = entries, f.Mark, false
	return nil
}

func entriesOf(source *bundle.Source, c bundle.Contents) []Entry {
	entries := make([]Entry, len(c.Policies))
	for i, p := range c.Policies {
		entries[i] = Entry{
			Document: p.Document, Shelf: Bundle, Place: source.Name() + ": " + p.File, Revision: c.Revision,
			hash: sha256.Sum256(fmt.Appendf(nil, "%s %d", c.Sum, i)), supply: source,
		}
	}
	return entries
}

// kept is the object that holds the last good archive of a bundle.
type kept struct {
	Bundle  string    `json:"bundle"` // its name
	Mark    string    `json:"mark"`
	Fetched time.Time `json:"fetched"`
	Archive []byte    `json:"archive"`
}

func keptKey(s *supply) string { return "bundles/" + s.source.ID() + ".json" }

// keep stores what is in force for a start without the network.
func (l *Library) keep(ctx context.Context, s *supply, f bundle.Fetched, c bundle.Contents) {
	if l.cfg.Objects == nil {
		return
	}
	b, err := json.Marshal(kept{s.source.Name(), f.Mark, l.now().UTC(), f.Bytes})
	if err == nil {
		err = l.cfg.Objects.Put(ctx, keptKey(s), b)
	}
	if err != nil {
		l.log.Warn("a bundle of policies is in force, but could not be kept for the next start", "bundle", s.source.Name(), "revision", c.Revision, "error", err)
	}
}

// restore takes what was kept of a bundle, if it is sound and signed by a key
// that is still trusted.
func (l *Library) restore(ctx context.Context, s *supply) bool {
	if l.cfg.Objects == nil {
		return false
	}
	b, err := l.cfg.Objects.Get(ctx, keptKey(s))
	if err != nil {
		return false // there is none, or whoever reads policies next reports it
	}
	var k kept
	if err = json.Unmarshal(b, &k); err == nil {
		var c bundle.Contents
		if c, err = s.source.Read(k.Archive); err == nil {
			s.entries, s.mark, s.restored = entriesOf(s.source, c), k.Mark, true
			s.status.Store(statusOf(s, c, k.Fetched))
			return true
		}
	}
	l.log.Warn("the bundle of policies that was kept cannot be used", "bundle", s.source.Name(), "error", err)
	return false
}

// poll looks at a bundle again and again until ctx ends.
func (l *Library) poll(ctx context.Context, s *supply) {
	failures := 0
	if s.status.Load().Fault != "" {
		failures = 1
	}
	for {
		wait := delay(s.source.Poll(), failures, rand.Float64())
		if retry := s.status.Load().retry; retry > wait {
			wait = retry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := l.look(ctx, s); err != nil {
			failures++
		} else {
			failures = 0
		}
	}
}

// delay is the time until the next look: about poll, less after few failures;
// luck, from 0 to 1, spreads replicas.
func delay(poll time.Duration, failures int, luck float64) time.Duration {
	if failures == 0 {
		return time.Duration(float64(poll) * (0.9 + 0.2*luck))
	}
	longest := min(poll, time.Second) << min(failures-1, 30)
	if longest <= 0 || longest > poll {
		longest = poll
	}
	return time.Duration(float64(longest) * (0.5 + 0.5*luck))
}
