package analysis

import (
	"context"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

// Grants are bearer tokens with which a sandbox fetches one image. It is safe for concurrent use.
type Grants struct{ key []byte }

// NewGrants returns the grants of the key kept in store, which is made when there is none.
func NewGrants(ctx context.Context, store *objects.Store) (*Grants, error) { return &Grants{}, nil }

// Mint returns a token that opens the manifest ref, which has a digest, and the
// blobs that it names, for ttl.
func (g *Grants) Mint(ref image.Reference, ttl time.Duration) (string, error) { return "", nil }

// Check returns the image, with its digest, that token opens.
func (g *Grants) Check(token string) (image.Reference, bool) { return image.Reference{}, false }
