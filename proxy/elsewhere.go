package proxy

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// namedElsewhere makes known the manifest that names the blob, where a client may
// have it from another replica: it was stored a moment ago, or was stored and
// has left the cache since, so that it must be fetched again.
func (c *Content) namedElsewhere(ctx context.Context, ref image.Reference, v view, blob digest.Digest) error {
	repo := c.store.Repository(ref.Name())
	if err := repo.Relist(ctx); err != nil || repo.Names(blob) {
		return err
	}
	_, err := once(ctx, c, "left "+v.key()+" "+blob.String(), func(ctx context.Context) (struct{}, error) {
		for _, d := range c.evictor.Left(ctx, ref.Name()) {
			m, err := c.manifest(ctx, ref.WithDigest(d))
			if err != nil && !lacking(err) {
				return struct{}{}, err
			}
			if _, ok := m.Blob(blob); ok && err == nil {
				break
			}
		}
		return struct{}{}, nil
	})
	return err
}
