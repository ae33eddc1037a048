package gate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/label"
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
}

// Inspector finds out what is true of a manifest.
type Inspector interface {
	Facts(ctx context.Context, ref image.Reference) (inspect.Facts, error)
}

// Verdicts knows what sandbox runs proved.
type Verdicts interface {
	// Get returns the verdict of d, or an error that wraps verdict.ErrNone.
	Get(ctx context.Context, d digest.Digest) (verdict.Verdict, error)
}

// Queue has images run.
type Queue interface {
	Enqueue(ctx context.Context, job analysis.Job) (analysis.State, error)
	Wait(ctx context.Context, ds ...digest.Digest) error
}

// Config is what a Gate is made of. All but Log, Metrics and Clock are required.
type Config struct {
	Inspector Inspector
	Policies  func(ctx context.Context) (Policies, error) // the generation in force now
	Verdicts  Verdicts
	Labels    *label.Labels
	Queue     Queue
	Objects   *objects.Store
	Redis     redis.UniversalClient
	Epochs    *epoch.Epochs

	Log     *slog.Logger
	Metrics prometheus.Registerer
	Clock   func() time.Time
}

// Gate answers whether images may pass. It is safe for concurrent use.
type Gate struct{ cfg Config }

// New returns the gate.
func New(cfg Config) (*Gate, error) { return &Gate{cfg: cfg}, nil }

// Decide answers at once; what needs an analysis is queued, and answered Wait.
func (g *Gate) Decide(ctx context.Context, req Request) (Decision, error) {
	return Decision{}, errors.ErrUnsupported
}

// Await answers as soon as the decision is something other than Wait, or with
// the last Wait when ctx ends.
func (g *Gate) Await(ctx context.Context, req Request) (Decision, error) {
	return Decision{}, errors.ErrUnsupported
}

// Recheck decides again about every image known under t, so that what a new
// label or policy wants analysed is queued now. It returns their decisions.
func (g *Gate) Recheck(ctx context.Context, t label.Target) ([]Decision, error) {
	return nil, errors.ErrUnsupported
}

// Known lists every image that was asked about by tag.
func (g *Gate) Known(ctx context.Context) ([]Name, error) { return nil, errors.ErrUnsupported }

// Decision returns the decision with the id, or ErrUnknownDecision.
func (g *Gate) Decision(ctx context.Context, id string) (Decision, error) {
	return Decision{}, errors.ErrUnsupported
}

// Permissions are the explicit permissions that come before policies.
func (g *Gate) Permissions() *Permissions { return nil }

// ErrUnknownDecision is returned for an id that the audit log does not hold.
var ErrUnknownDecision = errors.New("no such decision")

// Name is an image as it was asked for.
type Name struct {
	Reference image.Reference `json:"reference"` // tag and digest
	Seen      time.Time       `json:"seen"`      // first
}

// Permission is a person's word on one image.
type Permission struct {
	Target  label.Target `json:"target"` // an image
	Action  Action       `json:"action"` // Allow or Deny
	Comment string       `json:"comment"`
	Author  string       `json:"author"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires,omitzero"` // zero: never
}

// Permissions keeps them. It is safe for concurrent use.
type Permissions struct{}

// Set puts p in force on every replica, instead of what was said of its target.
func (p *Permissions) Set(ctx context.Context, perm Permission) error { return errors.ErrUnsupported }

// Remove takes back what was said of t.
func (p *Permissions) Remove(ctx context.Context, t label.Target) error { return errors.ErrUnsupported }

// List returns all permissions, expired ones too.
func (p *Permissions) List(ctx context.Context) ([]Permission, error) {
	return nil, errors.ErrUnsupported
}
