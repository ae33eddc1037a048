package inspect

import (
	"context"
	"errors"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

// Inspector gives facts. It is safe for concurrent use.
type Inspector struct {
	content Content
	objects *objects.Store
}

// New returns an Inspector that reads content, and remembers in store what it found.
func New(content Content, store *objects.Store) (*Inspector, error) {
	return &Inspector{content: content, objects: store}, nil
}

// Facts says what is true of ref, whose Digest is set.
func (i *Inspector) Facts(ctx context.Context, ref image.Reference) (Facts, error) {
	return Facts{}, errors.ErrUnsupported
}
