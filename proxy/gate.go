package proxy

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Gate answers whether an image may be pulled. It is safe for concurrent use;
// an error is a fault, and closes.
type Gate interface {
	// Decide answers at once.
	Decide(ctx context.Context, req gate.Request) (gate.Decision, error)
	// Await answers as soon as the decision is something other than Wait, or
	// with the last Wait when ctx ends.
	Await(ctx context.Context, req gate.Request) (gate.Decision, error)
}

// Grants knows the bearer tokens that the sandbox was given to fetch what it
// is to run.
type Grants interface {
	// Check returns the image, with its digest, that token opens.
	Check(token string) (image.Reference, bool)
}

// Artifacts are what the gate itself attached to images: the reports of runs,
// served as OCI referrers.
type Artifacts interface {
	// Artifacts returns everything attached to the manifest subject; nothing
	// attached is no error.
	Artifacts(ctx context.Context, subject digest.Digest) ([]verdict.Artifact, error)
}
