package console

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/library"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Gate decides, and remembers what it was asked about.
type Gate interface {
	Decide(ctx context.Context, req gate.Request) (gate.Decision, error)
	// Recheck decides again about every image known under t, so that what a new
	// label wants analysed is queued.
	Recheck(ctx context.Context, t label.Target) ([]gate.Decision, error)
	Known(ctx context.Context) ([]gate.Name, error)
	// Facts gathers what the policies would read of ref; look has it found out first.
	Facts(ctx context.Context, ref image.Reference, c policies.Context, look bool) ([]gate.ImageFacts, error)
	// Record returns the decision with the id, and who asked; errors wrap gate.ErrUnknownDecision.
	Record(ctx context.Context, id string) (gate.Record, error)
}

// Permissions are what people said about single images.
type Permissions interface {
	Set(ctx context.Context, p gate.Permission) error
	Remove(ctx context.Context, t label.Target) error
	List(ctx context.Context) ([]gate.Permission, error)
}

// Risks are findings that people acknowledged. Errors wrap gate.ErrRisk and
// gate.ErrUnknownRisk.
type Risks interface {
	Acknowledge(ctx context.Context, risks ...gate.Risk) ([]gate.Risk, error)
	Revoke(ctx context.Context, id string) error
	List(ctx context.Context) ([]gate.Risk, error)
}

// Labels are the words on images, repositories and registries.
type Labels interface {
	Add(ctx context.Context, t label.Target, words ...string) error
	Remove(ctx context.Context, t label.Target, words ...string) error
	List(ctx context.Context, t label.Target) ([]string, error)
	For(ctx context.Context, name image.Reference, which ...string) ([]string, error)
}

// Policies are the assurance policies in force. Errors wrap library.ErrNotFound
// and library.ErrReadOnly.
type Policies interface {
	List(ctx context.Context) ([]library.Entry, error)
	Get(ctx context.Context, name string) (library.Entry, error)
	// Sources are the folder and the bundles that policies come from.
	Sources(ctx context.Context) ([]library.Source, error)
	// Create adds a policy; it may stand in the place of a built-in one.
	Create(ctx context.Context, d policies.Document) error
	Update(ctx context.Context, d policies.Document) error
	Delete(ctx context.Context, name string) error
}

// Verdicts are what sandbox runs proved.
type Verdicts interface {
	// Report returns the report behind the verdict of d; errors wrap verdict.ErrNone.
	Report(ctx context.Context, d digest.Digest) ([]byte, error)
	Get(ctx context.Context, d digest.Digest) (verdict.Verdict, error)
	// Events returns the events behind the verdict of d, compressed; the error wraps verdict.ErrNone when there are none.
	Events(ctx context.Context, d digest.Digest) ([]byte, error)
}

// Queue has images run.
type Queue interface {
	Rescan(ctx context.Context, job analysis.Job) (analysis.State, error)
	State(ctx context.Context, d digest.Digest) (analysis.State, error)
	Usage(ctx context.Context) (analysis.Usage, error)
}

// Replayer judges again what runs left. Errors wrap analysis.ErrReplaying.
type Replayer interface {
	Replay(ctx context.Context, o analysis.ReplayOptions, each func(analysis.Replayed) error) (analysis.ReplaySummary, error)
}

// Settings are those of dynamic threat analysis.
type Settings interface {
	Get(ctx context.Context) (analysis.Settings, error)
	Check(ctx context.Context, set analysis.Settings) (analysis.License, error)
	Save(ctx context.Context, set analysis.Settings) (analysis.License, error)
}

// Inspector tells what a manifest is.
type Inspector interface {
	Facts(ctx context.Context, ref image.Reference) (inspect.Facts, error)
}

// Cache is what the proxy keeps. Errors wrap those of package cache.
type Cache interface {
	Usage(ctx context.Context) (cache.Usage, error)
	Images(ctx context.Context, part string) ([]cache.Image, error)
	Image(ctx context.Context, ref image.Reference) (cache.Image, error)
	Blob(ctx context.Context, d digest.Digest) (cache.Blob, error)
	Pins(ctx context.Context) ([]cache.Pin, error)
	Pin(ctx context.Context, ref image.Reference, author string) (cache.Pin, error)
	Unpin(ctx context.Context, ref image.Reference) error
	Purge(ctx context.Context, q cache.Purge) (cache.Purged, error)
}

// Resolver finds the digest that a tag means now.
type Resolver interface {
	Resolve(ctx context.Context, ref image.Reference) (image.Reference, error)
}
