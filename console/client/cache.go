package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/console"
)

// Cache tells how full the proxy's cache is.
func (c *Client) Cache(ctx context.Context) (u cache.Usage, err error) {
	return u, c.call(ctx, http.MethodGet, "/api/v1/cache", nil, nil, &u)
}

// CachedImages lists the cached images whose name contains part, last used first.
func (c *Client) CachedImages(ctx context.Context, part string) ([]cache.Image, error) {
	return pages[cache.Image](ctx, c, "/api/v1/cache/images", url.Values{"name": {part}})
}

// CachedImage tells what is cached of an image.
func (c *Client) CachedImage(ctx context.Context, name string) (i cache.Image, err error) {
	return i, c.call(ctx, http.MethodGet, "/api/v1/cache/image", url.Values{"image": {name}}, nil, &i)
}

// CachedBlob tells what keeps a blob in the cache.
func (c *Client) CachedBlob(ctx context.Context, digest string) (b cache.Blob, err error) {
	return b, c.call(ctx, http.MethodGet, "/api/v1/cache/blobs/"+url.PathEscape(digest), nil, nil, &b)
}

// Pins lists what is pinned.
func (c *Client) Pins(ctx context.Context) ([]cache.Pin, error) {
	return pages[cache.Pin](ctx, c, "/api/v1/cache/pins", url.Values{})
}

// Pin keeps an image in the cache.
func (c *Client) Pin(ctx context.Context, name string) (p cache.Pin, err error) {
	return p, c.call(ctx, http.MethodPost, "/api/v1/cache/pins", nil, console.PinRequest{Image: name}, &p)
}

// Unpin takes back what Pin said.
func (c *Client) Unpin(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/cache/pins", url.Values{"image": {name}}, nil, nil)
}

// Purge deletes images from the cache.
func (c *Client) Purge(ctx context.Context, req console.PurgeRequest) (p cache.Purged, err error) {
	return p, c.call(ctx, http.MethodPost, "/api/v1/cache/purge", nil, req, &p)
}
