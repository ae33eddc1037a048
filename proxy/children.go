package proxy

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// maxChildren bounds the manifests that are fetched because of one blob that
// no stored manifest names.
const maxChildren = 256

// searchedKept bounds the repositories, as clients' credentials see them, of
// which it is remembered that all children of their indexes are here.
const searchedKept = 4096

// fetchChildren fetches the children of the repository's indexes that are not
// stored. A client may know a child already, from another repository or an
// earlier pull (Docker keeps manifests for good), and ask for the child's
// blobs right after the index; then nobody has asked for the child here yet.
func (c *Content) fetchChildren(ctx context.Context, ref image.Reference, v view) error {
	_, err := once(ctx, c, "children "+v.key(), func(ctx context.Context) (struct{}, error) {
		repo := c.store.Repository(ref.Name())
		have, err := repo.Manifests(ctx)
		if err != nil {
			return struct{}{}, err
		}
		// What was looked through before is not again, until there is something else.
		if seen, ok := c.searched.Get(v.key()); ok && seen == together(have) {
			return struct{}{}, nil
		}
		stored := make(map[digest.Digest]bool, len(have))
		for _, d := range have {
			stored[d] = true
		}
		left := maxChildren
		for i := 0; i < len(have); i++ { // an index may name indexes
			m, err := repo.Manifest(ctx, have[i])
			if errors.Is(err, store.ErrNotFound) {
				continue // removed meanwhile
			}
			if err != nil {
				return struct{}{}, err
			}
			for _, child := range m.Children {
				if stored[child.Digest] || left == 0 {
					continue
				}
				stored[child.Digest] = true
				left--
				switch _, err := c.manifest(ctx, ref.WithDigest(child.Digest)); {
				case err == nil:
					have = append(have, child.Digest)
				case lacking(err): // upstream does not hold all that it names
				default:
					return struct{}{}, err
				}
			}
		}
		if left > 0 {
			c.searched.Add(v.key(), together(have))
		}
		return struct{}{}, nil
	})
	return err
}

// together is a digest of the digests, in whatever order they come.
func together(list []digest.Digest) digest.Digest {
	h := digest.SHA256.Digester()
	for _, d := range slices.Sorted(slices.Values(list)) {
		_, _ = io.WriteString(h.Hash(), d.String()+" ") // a hash takes everything
	}
	return h.Digest()
}

// lacking tells whether upstream has no such manifest, or none that is one.
func lacking(err error) bool {
	kind, ok := upstream.KindOf(err)
	return ok && kind == upstream.NotFound || errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrSchema1)
}
