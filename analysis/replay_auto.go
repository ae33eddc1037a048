package analysis

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/objects"
)

// replayedKey holds which rules everything was replayed with.
const replayedKey = "settings/replayed"

// replayed is when a replay of all verdicts with a ruleset ended, by its hash.
type replayed map[string]time.Time

// remembered is how many rulesets are.
const remembered = 16

// Run replays whenever the sandbox has rules with which that was not done, until
// ctx ends: after a start with a new version, and when authors change theirs.
// One replica does it.
func (r *Replayer) Run(ctx context.Context) error {
	if !r.cfg.Auto {
		return nil
	}
	// The local sandbox needs a moment to start.
	for wait := min(2*time.Second, r.cfg.Poll); ; wait = min(2*wait, r.cfg.Poll) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if err := r.auto(ctx); err != nil && ctx.Err() == nil {
			r.complain(ctx, err)
		}
	}
}

// complain logs an error of Run once.
func (r *Replayer) complain(ctx context.Context, err error) {
	r.mu.Lock()
	known := r.said[err.Error()]
	r.said[err.Error()] = true
	r.mu.Unlock()
	if !known {
		r.cfg.Log.WarnContext(ctx, "stored observations are not judged by the rules of now; it is tried again", "error", err)
	}
}

// auto replays when that is due.
func (r *Replayer) auto(ctx context.Context) error {
	set, err := r.cfg.Settings.Get(ctx)
	if err != nil || !set.Enabled {
		return err
	}
	license, err := r.cfg.Settings.Check(ctx, set)
	if errors.Is(err, ErrNoSandbox) {
		return nil
	}
	if err != nil || license.Ruleset == "" {
		return err
	}
	if due, err := r.due(ctx, license.Ruleset); err != nil || !due {
		return err
	}
	release, _, err := r.cfg.Lock.Take(ctx, replayLock, "the gate itself")
	if err != nil || release == nil {
		return err // another replica, or a person, does it
	}
	defer release()
	if due, err := r.due(ctx, license.Ruleset); err != nil || !due {
		return err
	}
	began := time.Now()
	s, err := r.replay(ctx, ReplayOptions{}, nil)
	if err != nil {
		return err
	}
	if err := r.finished(ctx, s.Ruleset); err != nil {
		return err
	}
	r.mu.Lock()
	clear(r.said)
	r.mu.Unlock()
	r.metrics.last.SetToCurrentTime()
	if s.done() > 0 {
		r.cfg.Log.InfoContext(ctx, "stored observations were judged by the rules of now", "ruleset", s.Ruleset, "version", s.Version,
			"raised", s.Raised, "lowered", s.Lowered, "changed", s.Changed, "same", s.Same, "kept", s.Kept,
			"missing", s.Missing, "unreadable", s.Unreadable, "failed", s.Failed, "took", time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// due tells whether the ruleset is another than that of the last replay. Where
// sandboxes with different rules stand behind one address, each is tried once in
// a while, and not all the time.
func (r *Replayer) due(ctx context.Context, ruleset string) (bool, error) {
	done, err := r.done(ctx)
	if err != nil {
		return false, err
	}
	for other, at := range done {
		if other != ruleset && at.After(done[ruleset]) {
			return time.Since(done[ruleset]) >= r.cfg.Rest, nil
		}
	}
	return done[ruleset].IsZero(), nil
}

func (r *Replayer) done(ctx context.Context) (replayed, error) {
	done := replayed{}
	err := r.cfg.Objects.GetJSON(ctx, replayedKey, &done)
	if errors.Is(err, objects.ErrNotFound) {
		return replayed{}, nil
	}
	return done, err
}

func (r *Replayer) finished(ctx context.Context, ruleset string) error {
	done, err := r.done(ctx)
	if err != nil {
		r.cfg.Log.WarnContext(ctx, "replacing what was known of replays", "error", err)
		done = replayed{}
	}
	done[ruleset] = time.Now().UTC()
	oldest := slices.SortedFunc(maps.Keys(done), func(a, b string) int { return done[b].Compare(done[a]) })
	for _, old := range oldest[min(len(oldest), remembered):] {
		delete(done, old)
	}
	return r.cfg.Objects.PutJSON(ctx, replayedKey, done)
}
