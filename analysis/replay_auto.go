package analysis

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/objects"
)

// replayedKey holds how the last replay went.
const replayedKey = "settings/replayed"

// replayed is the last replay of all verdicts, by whichever replica.
type replayed struct {
	Ruleset string        `json:"ruleset"`
	Ended   time.Time     `json:"ended"`
	Took    time.Duration `json:"took_ns"`
	Mixed   bool          `json:"mixed,omitempty"` // some verdicts were judged by other rules since
}

// Verdicts are looked through once a day in any case: runs of before and after
// a change of rules may have ended in any order.
const atLeast = 24 * time.Hour

// share is how much longer than it took a replay is left alone, so that
// sandboxes with different rules behind one address are not replayed all the time.
const share = 10

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

// due tells whether verdicts are to be looked through for those that other
// rules than ruleset gave.
func (r *Replayer) due(ctx context.Context, ruleset string) (bool, error) {
	last, err := r.last(ctx)
	if err != nil {
		return false, err
	}
	since := time.Since(last.Ended)
	if last.Ruleset == ruleset && !last.Mixed {
		return since >= atLeast, nil
	}
	return since >= max(r.cfg.Rest, share*last.Took), nil
}

func (r *Replayer) last(ctx context.Context) (last replayed, err error) {
	err = r.cfg.Objects.GetJSON(ctx, replayedKey, &last)
	if errors.Is(err, objects.ErrNotFound) {
		return replayed{}, nil
	}
	return last, err
}

// remember writes down how a replay ended. One of some verdicts leaves the
// others as they are.
func (r *Replayer) remember(ctx context.Context, s ReplaySummary, took time.Duration, all bool) error {
	now := replayed{Ruleset: s.Ruleset, Ended: time.Now().UTC(), Took: took}
	if !all {
		last, err := r.last(ctx)
		if err != nil || last.Ruleset == s.Ruleset || last.Mixed {
			return err
		}
		now, now.Mixed = last, true
	}
	return r.cfg.Objects.PutJSON(ctx, replayedKey, now)
}
