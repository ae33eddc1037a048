package rejudge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
)

// Gate decides about an image. It is safe for concurrent use.
type Gate interface {
	Decide(ctx context.Context, req gate.Request) (gate.Decision, error)
}

// Resolver finds the digest that a tag means now. It is safe for concurrent use.
type Resolver interface {
	Resolve(ctx context.Context, ref image.Reference) (image.Reference, error)
}

// Events tells people. It never waits.
type Events interface {
	Report(cluster.Event)
}

// Config is what a Controller is made of. Cluster, Gate, Resolver and Changes
// are required.
type Config struct {
	Cluster  *cluster.Cluster
	Gate     Gate
	Resolver Resolver
	// Changes is equal as long as nothing has changed by which the gate decides.
	// An error is no change.
	Changes func(ctx context.Context) (string, error)
	Events  Events // nil to write none
	// Behind turns a name as pods write it into the image that it means; nil
	// leaves names as they are.
	Behind func(image.Reference) image.Reference

	Name   string                      // of the cluster, for scopes
	Exempt func(namespace string) bool // namespaces that are left out; nil for none
	// ExemptSelector are labels of further ones; "" for none.
	ExemptSelector string
	Every          time.Duration // between two rounds at most
	Pause          time.Duration // between two rounds at least
	Reports        bool          // write them where their kind is installed
	Results        int           // of one report
	// Annotate has workloads marked.
	Annotate bool
	// Evict has pods evicted that would be denied, PerMinute of them, where
	// Enforced says that the namespace, of these labels, is one to enforce in.
	Evict     bool
	PerMinute int
	Enforced  func(namespace string, labels map[string]string) bool

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
}

// Controller judges what runs. Run is called once at a time.
type Controller struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	evicted *rate.Limiter
	told    *lru.Cache[violationKey, time.Time] // when an event was written about it
	owners  *lru.Cache[string, owner]           // by the UID of what they own
}

const (
	poll = 5 * time.Second // how often it is looked whether something has changed
	// toldAgain is after how long an event is written again about what has not
	// been mended; the API server forgets events after an hour.
	toldAgain    = 24 * time.Hour
	rememberTold = 16384
	rememberOwn  = 4096
)

// New returns a controller.
func New(cfg Config) (*Controller, error) {
	if cfg.Cluster == nil || cfg.Gate == nil || cfg.Resolver == nil || cfg.Changes == nil {
		return nil, errors.New("judging what runs takes a cluster, a gate, a resolver, and what tells of changes")
	}
	if cfg.Evict && (cfg.Enforced == nil || cfg.PerMinute < 1) {
		return nil, errors.New("evictions take a bound, and somebody who says where to enforce")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Behind == nil {
		cfg.Behind = func(ref image.Reference) image.Reference { return ref }
	}
	if cfg.Exempt == nil {
		cfg.Exempt = func(string) bool { return false }
	}
	c := &Controller{cfg: cfg, log: cfg.Logger, evicted: rate.NewLimiter(rate.Limit(float64(cfg.PerMinute)/60), max(cfg.PerMinute, 1))}
	var err error
	if c.metrics, err = newMetrics(cfg.Metrics); err != nil {
		return nil, err
	}
	if c.told, err = lru.New[violationKey, time.Time](rememberTold); err != nil {
		return nil, err
	}
	if c.owners, err = lru.New[string, owner](rememberOwn); err != nil {
		return nil, err
	}
	return c, nil
}

// Run judges until ctx ends. Rounds begin when something has changed, and at
// the latest after Config.Every.
func (c *Controller) Run(ctx context.Context) error {
	defer c.metrics.clear()
	var marks string
	due := time.Now()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	earliest := due
	for failures := 0; ; {
		now := time.Now()
		seen, err := c.cfg.Changes(ctx)
		if err != nil {
			seen = marks // Redis is away: the next round by the clock finds it
		}
		if !now.Before(earliest) && (seen != marks || !now.Before(due)) {
			unfinished, err := c.round(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				failures++
				c.metrics.rounds.WithLabelValues("failed").Inc()
				wait := min(c.cfg.Every, time.Second<<min(failures, 8)) // 2 s to 4 min
				due, earliest = time.Now().Add(wait), time.Now().Add(wait)
				c.log.WarnContext(ctx, "what runs in the cluster was not judged wholly", "error", err, "again_in", wait)
			default:
				failures = 0
				// The marks from before the round: what changed meanwhile is judged again.
				marks = seen
				c.metrics.rounds.WithLabelValues("done").Inc()
				c.metrics.last.SetToCurrentTime()
				due, earliest = time.Now().Add(c.cfg.Every), time.Now().Add(c.cfg.Pause)
				if unfinished {
					due = time.Now().Add(max(time.Minute, c.cfg.Pause))
				}
			}
			c.metrics.took.Observe(time.Since(now).Seconds())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// round judges everything that runs. unfinished says that some pods are still
// to be evicted.
func (c *Controller) round(ctx context.Context) (unfinished bool, err error) {
	r := &round{Controller: c, counts: map[string]int{}, violated: map[string]int{}, marked: map[string]bool{}}
	r.begin(ctx)
	if err := c.pods(ctx, r.leftOut, r.namespace); err != nil {
		return r.unfinished, errors.Join(append(r.errs, err)...)
	}
	c.metrics.set(r.counts, r.violated)
	return r.unfinished, r.end(ctx)
}
