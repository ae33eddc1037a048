package analysis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// ReplayConfig is what a Replayer is made of.
type ReplayConfig struct {
	Objects  *objects.Store
	Verdicts *verdict.Store
	Settings *SettingsStore
	Lock     Lock

	Auto bool          // Run replays when the sandbox has other rules than before
	Poll time.Duration // how often Run asks for them; default 1 min
	Rest time.Duration // at least so long Run waits between two replays; default 1 min

	// Concluded, if not nil, is told of each verdict that is not as before, with the report behind it.
	Concluded func(ctx context.Context, v verdict.Verdict, raw []byte)

	Log     *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing

	back time.Duration // first pause while the sandbox is busy; tests are in a hurry
}

// Lock gives work to one replica at a time.
type Lock interface {
	// Take gives name to the caller until it calls release. When another has it,
	// release is nil and said is what that one said.
	Take(ctx context.Context, name, say string) (release func(), said string, err error)
}

// ErrReplaying is returned while another replay is under way.
var ErrReplaying = errors.New("a replay is under way")

// Replayer has the sandbox judge what runs left, by the rules of now, and puts
// what that amounts to in force. Nothing is run, and what people said of an
// image is not touched. It is safe for concurrent use, also by several processes.
type Replayer struct {
	cfg     ReplayConfig
	metrics *replayMetrics

	mu   sync.Mutex
	said map[string]bool // what was logged of Run's failures
}

// NewReplayer returns the replayer; nothing is judged yet.
func NewReplayer(cfg ReplayConfig) (*Replayer, error) {
	if cfg.Objects == nil || cfg.Verdicts == nil || cfg.Settings == nil || cfg.Lock == nil {
		return nil, errors.New("a replayer needs objects, verdicts, settings and a lock")
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Minute
	}
	if cfg.Rest <= 0 {
		cfg.Rest = time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.back <= 0 {
		cfg.back = time.Second
	}
	m, err := newReplayMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Replayer{cfg: cfg, metrics: m, said: map[string]bool{}}, nil
}

// ReplayOptions choose what is judged again.
type ReplayOptions struct {
	Digests []digest.Digest // platform manifests; nil: of all images
	Since   time.Time       // only runs from then on
	All     bool            // also what these very rules judged
	DryRun  bool            // change nothing
	By      string          // who asked, for others to see
}

// Replay judges stored observations again, the newest runs first, and gives
// each that was not as before to each. It ends with ctx, with each's error, or when the
// sandbox cannot be asked any more; what was changed until then stays. Errors
// wrap ErrReplaying, ErrNoSandbox or one of package endpoint.
func (r *Replayer) Replay(ctx context.Context, o ReplayOptions, each func(Replayed) error) (ReplaySummary, error) {
	if !o.DryRun {
		release, said, err := r.cfg.Lock.Take(ctx, replayLock, o.By)
		if err != nil {
			return ReplaySummary{}, err
		}
		if release == nil {
			return ReplaySummary{}, fmt.Errorf("%w, begun by %s: wait for its end, or look with a dry run", ErrReplaying, report.Escape(said))
		}
		defer release()
	}
	return r.replay(ctx, o, each)
}

const replayLock = "replay"

func (r *Replayer) replay(ctx context.Context, o ReplayOptions, each func(Replayed) error) (ReplaySummary, error) {
	set, err := r.cfg.Settings.Get(ctx)
	if err != nil {
		return ReplaySummary{}, err
	}
	client, err := r.cfg.Settings.client(set)
	if err != nil {
		return ReplaySummary{}, err
	}
	defer client.Close()
	license, err := client.License(ctx)
	if err != nil {
		return ReplaySummary{}, err
	}
	p := &replay{replayer: r, client: client, options: o, summary: ReplaySummary{Ruleset: license.Ruleset, Version: license.Version, DryRun: o.DryRun}}
	todo, err := p.choose(ctx)
	if err != nil {
		return p.summary, err
	}
	r.metrics.running.Inc()
	defer r.metrics.running.Dec()
	began := time.Now()
	if !o.DryRun { // in case that it breaks off
		if err := r.remember(ctx, p.summary, 0, false); err != nil {
			return p.summary, err
		}
	}
	for _, v := range todo {
		one, err := p.one(ctx, v)
		if err != nil {
			return p.summary, fmt.Errorf("replay: after %d of %d: %w", p.summary.done(), len(todo), err)
		}
		p.summary.count(one.Outcome)
		r.tell(ctx, one, o.DryRun)
		if one.Outcome == ReplaySame || each == nil {
			continue
		}
		if err := each(one); err != nil {
			return p.summary, err
		}
	}
	if o.DryRun || o.Digests != nil || !o.Since.IsZero() {
		return p.summary, nil
	}
	return p.summary, r.remember(ctx, p.summary, time.Since(began), true)
}

// tell logs and counts what a replay found.
func (r *Replayer) tell(ctx context.Context, one Replayed, dry bool) {
	if dry {
		return
	}
	r.metrics.observations.WithLabelValues(string(one.Outcome)).Inc()
	level, message := slog.LevelInfo, "an image was judged again"
	switch one.Outcome {
	case ReplaySame, ReplayMissing:
		level = slog.LevelDebug
	case ReplayRaised:
		level = slog.LevelWarn
	case ReplayKept, ReplayUnreadable, ReplayFailed:
		level, message = slog.LevelWarn, "an image could not be judged again"
	}
	r.cfg.Log.Log(ctx, level, message, "outcome", one.Outcome, "digest", one.Digest, "image", one.Image, "before", one.Before.Conclusion,
		"after", one.After.Conclusion, "added", one.Added, "removed", one.Removed, "ruleset", one.After.Ruleset, "reason", one.Reason)
}

// replay is one replay on its way.
type replay struct {
	replayer *Replayer
	client   *endpoint.Client
	options  ReplayOptions
	summary  ReplaySummary
}

// choose lists what is to be judged again, the newest runs first, and counts the rest.
func (p *replay) choose(ctx context.Context) ([]verdict.Verdict, error) {
	var todo []verdict.Verdict
	take := func(v verdict.Verdict) {
		switch {
		case v.Time.Before(p.options.Since):
		case v.Report == "" || v.Conclusion == report.Skipped:
			p.summary.NotRun++
		case v.Ruleset == p.summary.Ruleset && !p.options.All:
			p.summary.Current++
		default:
			todo = append(todo, v)
		}
	}
	store := p.replayer.cfg.Verdicts
	if p.options.Digests != nil {
		for _, d := range p.options.Digests {
			v, err := store.Get(ctx, d)
			if errors.Is(err, verdict.ErrNone) {
				p.summary.NotRun++
				continue
			}
			if err != nil {
				return nil, err
			}
			take(v)
		}
		return todo, nil
	}
	for v, err := range store.All(ctx) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			p.replayer.cfg.Log.WarnContext(ctx, "a verdict cannot be judged again", "error", err)
			p.summary.Failed++
			continue
		}
		take(v)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(todo, func(a, b verdict.Verdict) int { return b.Time.Compare(a.Time) })
	return todo, nil
}
