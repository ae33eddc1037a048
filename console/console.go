package console

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/image"
)

// Config are the settings of a Console.
type Config struct {
	Version string // of the program, shown

	// Behind turns a name that goes through the gate into the image that it
	// means (see image.Reference.Behind). nil leaves names as they are.
	Behind func(image.Reference) image.Reference

	// Ready tells whether the gate can answer; nil is always.
	Ready func() bool

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
	Now     func() time.Time      // nil for time.Now
}

// Parts are what the console shows and steers. All but Cache and Replayer are required.
type Parts struct {
	Gate        Gate
	Permissions Permissions
	Risks       Risks
	Labels      Labels
	Policies    Policies
	Verdicts    Verdicts
	Queue       Queue
	Settings    Settings
	Inspector   Inspector
	Resolver    Resolver
	Tokens      *token.Tokens
	Cache       Cache
	Replayer    Replayer
}

// Console answers the API. It is safe for concurrent use.
type Console struct {
	cfg     Config
	parts   Parts
	metrics *metrics

	previewing chan struct{} // holds one: of the preview that runs
}

// New returns the console over parts.
func New(cfg Config, parts Parts) (*Console, error) {
	p := parts
	if p.Gate == nil || p.Permissions == nil || p.Risks == nil || p.Labels == nil || p.Policies == nil || p.Verdicts == nil ||
		p.Queue == nil || p.Settings == nil || p.Inspector == nil || p.Resolver == nil || p.Tokens == nil {
		return nil, errors.New("a console needs all of its parts")
	}
	if cfg.Behind == nil {
		cfg.Behind = func(ref image.Reference) image.Reference { return ref }
	}
	if cfg.Ready == nil {
		cfg.Ready = func() bool { return true }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Console{cfg: cfg, parts: parts, metrics: m, previewing: make(chan struct{}, 1)}, nil
}

// Handler answers everything below /.
func (c *Console) Handler() http.Handler { return c.routes() }
