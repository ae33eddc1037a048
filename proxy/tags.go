package proxy

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// staleFor is how long a tag that could not be checked is served before
// upstream is tried again.
const staleFor = 10 * time.Second

// tagged is what a tag meant when upstream was last asked.
type tagged struct {
	digest digest.Digest
	until  time.Time // believed so long
}

// resolve returns the digest that the tag means: believed for a while, then
// asked upstream again, and if upstream is away, what it meant before.
func (c *Content) resolve(ctx context.Context, ref image.Reference) (digest.Digest, error) {
	key := ref.Name() + ":" + ref.Tag
	if t, ok := c.tags.Get(key); ok && c.cfg.now().Before(t.until) {
		return t.digest, nil
	}
	return once(ctx, c, "tag "+key, func(ctx context.Context) (digest.Digest, error) {
		d, fresh, err := c.check(ctx, ref)
		if err != nil {
			return "", err
		}
		c.tags.Add(key, tagged{d, c.cfg.now().Add(fresh)})
		return d, nil
	})
}

// check asks upstream what the tag means now, and tells how long to believe it.
func (c *Content) check(ctx context.Context, ref image.Reference) (digest.Digest, time.Duration, error) {
	reg, err := c.upstreams.Registry(ref.Registry)
	if err != nil {
		return "", 0, err
	}
	repo := c.store.Repository(ref.Name())
	known, err := repo.Tag(ctx, ref.Tag)
	c.faulty(ctx, "reading a tag", err)
	// A tag seen for the first time costs one round trip: its manifest is
	// wanted whatever the digest.
	which := ref.Tag
	if known != "" {
		d, err := reg.Resolve(ctx, ref.Repository, ref.Tag)
		switch {
		case err != nil:
			return c.stale(ref, known, err)
		case d == known:
			return known, c.cfg.TagFreshness, nil
		case d != "":
			which = d.String()
		}
	}
	m, err := c.fetch(ctx, ref, which)
	if err != nil {
		return c.stale(ref, known, err)
	}
	if m.Digest != known {
		c.faulty(ctx, "storing a tag", repo.SetTag(ctx, ref.Tag, m.Digest))
	}
	return m.Digest, c.cfg.TagFreshness, nil
}

// stale serves what the tag meant before, unless upstream says that it does
// not exist or must not be seen any more.
func (c *Content) stale(ref image.Reference, known digest.Digest, err error) (digest.Digest, time.Duration, error) {
	kind, ok := upstream.KindOf(err)
	if known == "" || !ok || (kind != upstream.Fault && kind != upstream.Limited) {
		return "", 0, err
	}
	c.cfg.Logger.Warn("a tag is served as it was: upstream cannot be asked",
		"image", ref.String(), "digest", known, "error", err, "cause", errors.Unwrap(err))
	return known, min(staleFor, max(0, c.cfg.TagFreshness)), nil
}

// tagList returns a page of the upstream's tags, and the query of the next.
func (c *Content) tagList(ctx context.Context, ref image.Reference, query url.Values) ([]string, url.Values, error) {
	reg, err := c.upstreams.Registry(ref.Registry)
	if err != nil {
		return nil, nil, err
	}
	return reg.Tags(ctx, ref.Repository, query)
}
