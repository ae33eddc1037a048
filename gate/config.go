package gate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Policies is one immutable generation of all policies.
type Policies interface {
	// Evaluate says what the policies that include the image say about it.
	Evaluate(ctx context.Context, in *policies.Input) (policies.Result, error)
	// Generation is the hash of all policies.
	Generation() string
	// Needs lists the parts of the facts that the policies read which include the image.
	Needs(in *policies.Input) []policies.Part
	// ReadsContent tells whether Evaluate's answer can depend on what is in the
	// image: its configuration, or the parts found.
	ReadsContent(in *policies.Input, found []policies.Part) bool
	// ContextKey is the part of c that Evaluate's answer can depend on.
	ContextKey(c policies.Context) string
	// FaultsOpen tells whether an image that cannot be judged may pass.
	FaultsOpen() bool
}

// Inspector finds out what is true of a manifest.
type Inspector interface {
	// Facts returns the facts of ref, which has a digest. Errors wrap
	// inspect.ErrMissing when the registry does not have it.
	Facts(ctx context.Context, ref image.Reference) (inspect.Facts, error)
	// Shape is Facts without Config where that would have to be fetched for nothing else.
	Shape(ctx context.Context, ref image.Reference) (inspect.Facts, error)
	// Ahead has Facts found out in the background.
	Ahead(ctx context.Context, ref image.Reference)
	// Gives lists the parts that can be found out at all.
	Gives() []inspect.Part
	// Find returns what is known of parts, and has the rest found out: done is
	// closed then, nil when there is nothing to wait for.
	Find(ctx context.Context, s inspect.Subject, parts ...inspect.Part) (k inspect.Knowledge, done <-chan struct{}, err error)
	// Known returns what is known of parts.
	Known(ctx context.Context, s inspect.Subject, parts ...inspect.Part) (inspect.Knowledge, error)
}

// Verdicts knows what sandbox runs proved.
type Verdicts interface {
	// Get returns the verdict of d, or an error that wraps verdict.ErrNone.
	Get(ctx context.Context, d digest.Digest) (verdict.Verdict, error)
}

// Labels knows what people attached.
type Labels interface {
	// For returns the labels that count for an image of name's repository under
	// the tags and digests which.
	For(ctx context.Context, name image.Reference, which ...string) ([]string, error)
}

// Queue has images run.
type Queue interface {
	Enqueue(ctx context.Context, job analysis.Job) (analysis.State, error)
	// Wait returns when something may be new about one of ds, or with the error of ctx.
	Wait(ctx context.Context, ds ...digest.Digest) error
}

// Config is what a Gate is made of. All but Log, Metrics and Clock are required.
type Config struct {
	Inspector Inspector
	Policies  func(ctx context.Context) (Policies, error) // the generation in force now
	Verdicts  Verdicts
	Labels    Labels
	Queue     Queue
	Objects   *objects.Store
	Redis     redis.UniversalClient
	Epochs    *epoch.Epochs

	Log     *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
	Clock   func() time.Time      // nil for time.Now
}

// Gate answers whether images may pass. It is safe for concurrent use.
type Gate struct {
	cfg         Config
	names       *names
	permissions *Permissions
	risks       *Risks
	audit       *audit
	results     *results
	metrics     *metrics
	decisions   *lru.Cache[string, remembered] // by question
	said        *lru.Cache[string, saying]     // by question
}

// New returns the gate.
func New(cfg Config) (*Gate, error) {
	if cfg.Inspector == nil || cfg.Policies == nil || cfg.Verdicts == nil || cfg.Labels == nil || cfg.Queue == nil ||
		cfg.Objects == nil || cfg.Redis == nil || cfg.Epochs == nil {
		return nil, errors.New("a gate needs an inspector, policies, verdicts, labels, a queue, objects, Redis and epochs")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	g := &Gate{cfg: cfg, metrics: m, audit: &audit{cfg.Objects}, permissions: newPermissions(cfg.Objects, cfg.Epochs, cfg.Clock)}
	g.risks = newRisks(cfg.Objects, cfg.Epochs, cfg.Clock)
	if g.names, err = newNames(cfg.Objects, cfg.Epochs, cfg.Clock); err != nil {
		return nil, err
	}
	if g.results, err = newResults(cfg.Redis, cfg.Clock, m); err != nil {
		return nil, err
	}
	if g.decisions, err = lru.New[string, remembered](rememberedDecisions); err != nil {
		return nil, err
	}
	if g.said, err = lru.New[string, saying](rememberedDecisions); err != nil {
		return nil, err
	}
	return g, nil
}

// Permissions are the explicit permissions that come before policies.
func (g *Gate) Permissions() *Permissions { return g.permissions }

// Risks are the acknowledged risks, which policies do not count.
func (g *Gate) Risks() *Risks { return g.risks }
