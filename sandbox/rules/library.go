package rules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Config is what a Library is made of.
type Config struct {
	Sources []Source
	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing

	poll time.Duration // instead of the sources' own; tests are in a hurry
}

// Library judges by the rules in force. It is safe for concurrent use.
type Library struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	current atomic.Pointer[judge.Judge]

	mu      sync.Mutex // held by whoever makes the next rules
	shelves []*shelf
}

// shelf is what is known of a source.
type shelf struct {
	source Source
	files  fs.FS // the last good ones; nil when there were none
	mark   string
	fault  error // why the last look failed
}

// Open loads all sources. One that cannot be had is left out, loudly, until Run
// has it: the error is only for rules that are built in.
func Open(ctx context.Context, cfg Config) (*Library, error) {
	l := &Library{cfg: cfg, log: cfg.Logger}
	if l.log == nil {
		l.log = slog.Default()
	}
	var err error
	if l.metrics, err = newMetrics(cfg.Metrics); err != nil {
		return nil, err
	}
	for _, s := range cfg.Sources {
		shelf := &shelf{source: s}
		l.shelves = append(l.shelves, shelf)
		_, _ = l.look(ctx, shelf) // said there, and kept as a fault
	}
	return l, l.put()
}

// Judge implements sandbox.Judge.
func (l *Library) Judge(ctx context.Context, o *observation.Observation) (judge.Judgement, error) {
	return l.current.Load().Judge(ctx, o)
}

// Ruleset implements sandbox.Judge.
func (l *Library) Ruleset() string { return l.current.Load().Ruleset() }

// Faults lists rules and sources that were left out.
func (l *Library) Faults() []judge.Fault { return l.current.Load().Faults() }

// Run follows the sources until ctx ends.
func (l *Library) Run(ctx context.Context) error {
	var all errgroup.Group
	for _, s := range l.shelves {
		all.Go(func() error { l.follow(ctx, s); return nil })
	}
	return all.Wait()
}

func (l *Library) follow(ctx context.Context, s *shelf) {
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.pause(s.source.Poll(), failures)):
		}
		changed, err := l.look(ctx, s)
		if failures++; err == nil {
			failures = 0
		}
		if !changed || ctx.Err() != nil {
			continue
		}
		if err := l.put(); err != nil {
			l.log.Error("the last good behaviour rules stay in force", "error", err)
		}
	}
}

// pause is about poll, shorter after few failures; luck spreads the askers.
func (l *Library) pause(poll time.Duration, failures int) time.Duration {
	if l.cfg.poll > 0 {
		return l.cfg.poll
	}
	if failures > 0 {
		poll = min(poll, time.Second<<min(failures-1, 10))
	}
	return time.Duration(float64(poll) * (0.9 + 0.2*rand.Float64()))
}

// look loads a source and tells whether the rules are to be made anew.
func (l *Library) look(ctx context.Context, s *shelf) (changed bool, err error) {
	files, mark, err := s.source.Load(ctx, s.mark)
	l.mu.Lock()
	defer l.mu.Unlock()
	was := s.fault
	switch {
	case errors.Is(err, ErrUnchanged):
		err = nil
	case err == nil:
		s.files, s.mark, changed = files, mark, true
	case ctx.Err() != nil:
		return false, err
	}
	s.fault = err
	l.metrics.looked(s.source.Name(), err)
	switch {
	case err != nil && (was == nil || was.Error() != err.Error()):
		message := "behaviour rules cannot be had, the last good ones stay in force"
		if s.files == nil {
			message = "behaviour rules cannot be had, images are judged without them"
		}
		l.log.Error(message, "source", s.source.Name(), "error", err)
	case err == nil && was != nil:
		l.log.Info("behaviour rules can be had again", "source", s.source.Name())
		changed = true // those who ask for faults are told
	}
	return changed, err
}

// put compiles what the sources hold, and puts it in force.
func (l *Library) put() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := judge.Config{Logger: l.log}
	for _, s := range l.shelves {
		if s.files == nil {
			cfg.Missing = append(cfg.Missing, judge.Fault{Rule: s.source.Name(), Err: s.fault})
			continue
		}
		cfg.Extra = append(cfg.Extra, s.files)
	}
	j, err := judge.New(cfg)
	if err != nil {
		return fmt.Errorf("behaviour rules: %w", err)
	}
	l.metrics.faults.Set(float64(len(j.Faults())))
	last := l.current.Swap(j)
	if last == nil && len(l.shelves) > 0 || last != nil && last.Ruleset() != j.Ruleset() {
		l.log.Info("behaviour rules in force", "ruleset", j.Ruleset(), "rules", len(j.List()), "left_out", len(j.Faults()))
	}
	return nil
}
