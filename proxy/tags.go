package proxy

import (
	"context"
	"errors"
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
	at     time.Time
	fresh  time.Duration // believed so long
}

// resolve returns the digest that the tag means: believed for a while, then
// asked upstream again, and if upstream is away, what it meant before.
func (c *Content) resolve(ctx context.Context, v view, ref image.Reference) (digest.Digest, error) {
	key, shown := ref.Name()+":"+ref.Tag, v.open()
	believed := func() (digest.Digest, bool) {
		t, ok := c.tags.Get(key)
		return t.digest, ok && shown && within(c.cfg.now(), t.at, t.fresh)
	}
	if d, ok := believed(); ok {
		return d, nil
	}
	if err := v.lacks(ref.Tag); err != nil {
		return "", err
	}
	return once(ctx, c, "tag "+v.client+" "+key, func(ctx context.Context) (digest.Digest, error) {
		if d, ok := believed(); ok {
			return d, nil // another's answer came after we had looked
		}
		d, fresh, err := c.check(ctx, v, ref, shown)
		if err != nil {
			return "", v.told(ref.Tag, err)
		}
		c.tags.Add(key, tagged{d, c.cfg.now(), fresh})
		return d, nil
	})
}

// check asks upstream what the tag means now, and tells how long to believe it.
// shown says that an older answer may be given.
func (c *Content) check(ctx context.Context, v view, ref image.Reference, shown bool) (digest.Digest, time.Duration, error) {
	stale := func(known digest.Digest, err error) (digest.Digest, time.Duration, error) {
		if !shown {
			return "", 0, err
		}
		return c.stale(ref, known, err)
	}
	repo := c.store.Repository(ref.Name())
	c.written(ctx, ref.Name()+":"+ref.Tag)
	known, err := repo.Tag(ctx, ref.Tag)
	c.faulty(ctx, "reading a tag", err)
	// A tag seen for the first time costs one round trip: its manifest is
	// wanted whatever the digest.
	which := ref.Tag
	if known != "" {
		d, err := c.head(ctx, v, ref, shown)
		switch {
		case err != nil:
			return stale(known, err)
		case d == known:
			v.proved()
			return known, c.cfg.TagFreshness, nil
		case d != "":
			which = d.String()
			if _, err := repo.Manifest(ctx, d); err == nil { // a tag that moved to what is here
				v.proved()
				c.keepTag(ctx, ref.WithDigest(d))
				return d, c.cfg.TagFreshness, nil
			}
		}
	}
	m, err := c.fetch(ctx, v, ref, which)
	if err != nil {
		return stale(known, err)
	}
	if m.Digest != known {
		c.keepTag(ctx, ref.WithDigest(m.Digest))
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

// head asks upstream for the tag's digest; "" if upstream does not tell it. Who
// may not be given an older answer needs one even from an upstream that failed
// a moment ago.
func (c *Content) head(ctx context.Context, v view, ref image.Reference, shown bool) (digest.Digest, error) {
	if shown {
		return v.reg.Resolve(ctx, ref.Repository, ref.Tag)
	}
	return v.reg.Find(ctx, ref.Repository, ref.Tag)
}
