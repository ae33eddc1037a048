// Package analysis has images run: it holds the queue and the quota, and asks
// sandbox services over their HTTP protocol.
//
// A digest enters once, however many ask; its report goes to the verdicts. The
// queue lives in Redis and may be lost: what has no verdict is queued again
// when next asked for. The package does not run anything itself, knows no
// policies, and of the sandbox nothing but its protocol.
package analysis

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Config is what a Queue is made of.
type Config struct {
	Redis    redis.UniversalClient
	Verdicts *verdict.Store
	Settings *SettingsStore
	Grants   *Grants

	PullFrom     string // host:port at which the sandbox reaches the proxy
	PullInsecure bool   // plain HTTP there

	Workers int           // runs at the same time by this process; default 2
	Tries   int           // failed runs until the image is inconclusive; default 3
	Timeout time.Duration // wall time of one detonation; default the service's

	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Queue is the way of digests to their verdicts. It is safe for concurrent use.
type Queue struct{ cfg Config }

// New returns the queue; nothing is worked on before Run.
func New(cfg Config) (*Queue, error) { return &Queue{cfg: cfg}, nil }

// Run works on the queue until ctx ends.
func (q *Queue) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Enqueue has the image run if it is not queued or running already.
func (q *Queue) Enqueue(ctx context.Context, job Job) (State, error) {
	return State{}, errors.ErrUnsupported
}

// Rescan has the image run again although there is a verdict, which stays in
// force until then.
func (q *Queue) Rescan(ctx context.Context, job Job) (State, error) {
	return State{}, errors.ErrUnsupported
}

// State tells how far d is.
func (q *Queue) State(ctx context.Context, d digest.Digest) (State, error) {
	return State{}, errors.ErrUnsupported
}

// Wait returns as soon as the state of one of ds is, or was meanwhile, another
// than in states (nil: what it is now), or ctx ends.
func (q *Queue) Wait(ctx context.Context, ds ...digest.Digest) error { return errors.ErrUnsupported }

// Usage is how many runs this installation has asked for.
type Usage struct {
	Period string `json:"period"` // "2026-11", UTC
	Runs   int    `json:"runs"`
}

// Usage counts the runs of the current month.
func (q *Queue) Usage(ctx context.Context) (Usage, error) { return Usage{}, errors.ErrUnsupported }

// Supports says why the sandbox would not run p, or "" when it would or that
// is not known.
func (q *Queue) Unrunnable(ctx context.Context, p image.Platform) string { return "" }
