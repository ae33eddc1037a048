package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
)

// Path is where the API server posts reviews.
const Path = "/validate"

// Gate answers whether an image may be deployed. It is safe for concurrent use;
// an error is a fault, and closes.
type Gate interface {
	// Await answers as soon as the decision is something other than Wait, or
	// with the last Wait when ctx ends.
	Await(ctx context.Context, req gate.Request) (gate.Decision, error)
}

// Resolver finds the digest that a tag means now. It is safe for concurrent use.
type Resolver interface {
	// Resolve returns ref with its digest set.
	Resolve(ctx context.Context, ref image.Reference) (image.Reference, error)
}

// Config are the settings of a Webhook.
type Config struct {
	Cluster string // name of the cluster that asks, for scopes (kubernetes.cluster); may be empty

	// Behind turns a name as manifests write it into the image that it means
	// (image.Reference.Behind with the gate's names). nil leaves names as they are.
	Behind func(image.Reference) image.Reference

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
}

// Webhook answers admission reviews. It is safe for concurrent use.
type Webhook struct {
	cfg      Config
	gate     Gate
	resolver Resolver
	metrics  *metrics
}

// New returns a webhook that asks g about images whose tags r resolves.
func New(cfg Config, g Gate, r Resolver) (*Webhook, error) {
	if g == nil || r == nil {
		return nil, errors.New("a webhook needs a gate and a resolver")
	}
	if cfg.Behind == nil {
		cfg.Behind = func(ref image.Reference) image.Reference { return ref }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Webhook{cfg: cfg, gate: g, resolver: r, metrics: m}, nil
}

// Handler answers POST on Path. Everything else is 404 or 405.
func (w *Webhook) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, w.serve)
	return mux
}

// The API server gives a webhook 10 s unless its configuration says otherwise,
// from 1 s to 30 s, and tells how much in the query
// (admissionregistration.k8s.io/v1, timeoutSeconds).
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 30 * time.Second
)

// innerTimeout is the time in which an answer must be ready: a second less
// than the API server waits, so that people read our reason and not "context
// deadline exceeded"; half of it where that is hardly more than a second.
func innerTimeout(r *http.Request) time.Duration {
	timeout := defaultTimeout
	if d, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil && d > 0 {
		timeout = min(d, maxTimeout)
	}
	return max(timeout-time.Second, timeout/2)
}
