package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
)

// Gate answers whether an image may be deployed. It is safe for concurrent use;
// an error is a fault, and closes.
type Gate interface {
	// Await answers as soon as the decision is something other than Wait, or
	// with the last Wait when ctx ends.
	Await(ctx context.Context, req gate.Request) (gate.Decision, error)
}

// Resolver finds the digest that a tag stands for now.
type Resolver interface {
	// Resolve returns ref with its Digest. A ref that has one is returned as it is.
	Resolve(ctx context.Context, ref image.Reference) (image.Reference, error)
}

// Config are the settings of a Webhook.
type Config struct {
	// Behind turns a name as manifests write it into the image that it means
	// (image.Reference.Behind with the gate's names); nil changes nothing.
	Behind func(image.Reference) image.Reference

	Cluster string // name of the cluster, for scopes (kubernetes.cluster); may be empty
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Webhook answers AdmissionReviews. It is safe for concurrent use.
type Webhook struct {
	cfg      Config
	gate     Gate
	resolver Resolver
	metrics  *metrics
}

// New returns the webhook that asks g.
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

// Handler answers POST /validate. Everything else is 404 or 405.
func (w *Webhook) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /validate", w.serve)
	return mux
}
