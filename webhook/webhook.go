package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// Where the API server posts reviews.
const (
	Path       = "/validate"
	AuditPath  = "/validate/audit" // denials are warnings: for the webhook entry with failurePolicy Ignore
	MutatePath = "/mutate"
)

// Gate answers whether an image may be deployed. It is safe for concurrent use;
// an error is a fault, and closes.
type Gate interface {
	// Decide answers at once.
	Decide(ctx context.Context, req gate.Request) (gate.Decision, error)
	// Await answers as soon as the decision is something other than Wait, or
	// with the last Wait when ctx ends.
	Await(ctx context.Context, req gate.Request) (gate.Decision, error)
}

// Resolver finds the digest that a tag means now. It is safe for concurrent use.
type Resolver interface {
	// Resolve returns ref with its digest set.
	Resolve(ctx context.Context, ref image.Reference) (image.Reference, error)
}

// Config are the settings of a Webhook. The zero value judges every namespace,
// changes nothing and opens nothing.
type Config struct {
	Cluster string // name of the cluster that asks, for scopes (kubernetes.cluster); may be empty

	Kinds      []workload.Kind // that hold pods, besides the built-in ones
	Exempt     Exempt          // who is never asked about
	Namespaces []Namespace     // where other rules hold; the first that matches counts
	Mutate     Mutation        // what MutatePath does
	Gate       string          // host:port under which nodes know the gate, for MutateGate
	BreakGlass time.Duration   // how long what broke the glass stays open at most; 0: nobody may

	// Behind turns a name as manifests write it into the image that it means
	// (image.Reference.Behind with the gate's names). nil leaves names as they are.
	Behind func(image.Reference) image.Reference

	Registries  Registries  // nil: images are looked up with the gate's own credentials alone
	Credentials Credentials // of pods; nil: none
	Authorizer  Authorizer  // who may break the glass; nil: nobody
	Permissions Permissions // where it is recorded; nil: nobody may
	Events      Events      // nil: none are written

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
	Clock   func() time.Time      // nil for time.Now
}

// Webhook answers admission reviews. It is safe for concurrent use.
type Webhook struct {
	cfg        Config
	gate       Gate
	resolver   Resolver
	kinds      *workload.Kinds
	exempt     *exempt
	namespaces []namespace
	metrics    *metrics
	meanings   *lru.Cache[string, image.Reference] // by what is written
}

// keptMeanings bounds the names whose meaning is remembered; one is about 500 bytes.
const keptMeanings = 1 << 14

// New returns a webhook that asks g about images whose tags r resolves. Errors
// name the setting that is wrong.
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
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	w := &Webhook{cfg: cfg, gate: g, resolver: r}
	var errs [4]error
	w.kinds, errs[0] = workload.NewKinds(cfg.Kinds)
	w.exempt, errs[1] = cfg.Exempt.compile()
	w.namespaces, errs[2] = compileNamespaces(cfg.Namespaces)
	errs[3] = cfg.checkMutation()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("the webhook's settings: %w", err)
	}
	var err error
	if w.meanings, err = lru.New[string, image.Reference](keptMeanings); err != nil {
		return nil, err
	}
	if w.metrics, err = newMetrics(cfg.Metrics); err != nil {
		return nil, err
	}
	return w, nil
}

// Handler answers POST on the paths above. Everything else is 404 or 405.
func (w *Webhook) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, w.serve(func(r *http.Request) answering {
		return w.validate(r.URL.Query().Get("mode") == string(Audit))
	}))
	mux.HandleFunc("POST "+AuditPath, w.serve(func(*http.Request) answering { return w.validate(true) }))
	mux.HandleFunc("POST "+MutatePath, w.serve(func(*http.Request) answering { return w.mutate }))
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
