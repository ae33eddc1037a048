package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// tagPage is a page of a repository's tags.
type tagPage struct {
	tags  []string
	next  url.Values // query of the next page; nil on the last
	known bool       // upstream is away: these are the tags that were pulled
}

// tagList asks upstream for a page of its tags. While it is away, the tags that
// were pulled are listed.
func (c *Content) tagList(ctx context.Context, ref image.Reference, query url.Values) (tagPage, error) {
	v, err := c.view(ctx, ref)
	if err != nil {
		return tagPage{}, err
	}
	shown := v.open()
	return once(ctx, c, "tags "+v.key()+" "+query.Encode(), func(ctx context.Context) (tagPage, error) {
		tags, next, err := v.reg.Tags(ctx, ref.Repository, query)
		if err == nil {
			v.proved()
			return tagPage{tags: tags, next: next}, nil
		}
		if !shown || !away(err) {
			return tagPage{}, err
		}
		known, serr := c.store.Repository(ref.Name()).Tags(ctx)
		if serr != nil || len(known) == 0 {
			return tagPage{}, errors.Join(err, serr)
		}
		i, found := slices.BinarySearch(known, query.Get("last"))
		if found {
			i++
		}
		return tagPage{tags: known[i:], known: true}, nil
	})
}

// away tells an upstream that cannot answer from one that says no.
func away(err error) bool {
	kind, ok := upstream.KindOf(err)
	return ok && (kind == upstream.Fault || kind == upstream.Limited)
}

// referred is what upstream said to refer to a manifest.
type referred struct {
	list  []upstream.Referrer
	at    time.Time
	fresh time.Duration
	old   bool // upstream is away: this is what it said before
}

// referrersOf asks upstream what refers to subject, which has a digest. The
// answer is believed as long as a tag is, and kept for when upstream is away.
func (c *Content) referrersOf(ctx context.Context, subject image.Reference) (referred, error) {
	v, err := c.view(ctx, subject)
	if err != nil {
		return referred{}, err
	}
	if !v.open() {
		// A registry lists nothing, and not "denied", for what it hides; that
		// proves nothing.
		return referred{}, nil
	}
	key := subject.Name() + "@" + subject.Digest.String()
	if got, ok := c.referrers.Get(key); ok && within(c.cfg.now(), got.at, got.fresh) {
		return got, nil
	}
	return once(ctx, c, "referrers "+v.client+" "+key, func(ctx context.Context) (referred, error) {
		repo := c.store.Repository(subject.Name())
		list, err := v.reg.Referrers(ctx, subject.Repository, subject.Digest)
		got := referred{list, c.cfg.now(), c.cfg.TagFreshness, false}
		switch {
		case err == nil:
			if err := keep(ctx, repo, subject.Digest, list); err != nil {
				c.cfg.Logger.Warn("a list of referrers is not kept", "image", subject.String(), "error", err)
			}
		case away(err):
			raw, serr := repo.Referrers(ctx, subject.Digest)
			if serr != nil {
				return referred{}, err
			}
			if got.list, serr = upstream.ParseReferrers(raw); serr != nil {
				return referred{}, err
			}
			got.old, got.fresh = true, min(staleFor, max(0, c.cfg.TagFreshness))
		default:
			return referred{}, err
		}
		c.referrers.Add(key, got)
		return got, nil
	})
}

// keep stores a list, if it is not what is stored. That there is nothing is
// known without.
func keep(ctx context.Context, repo *store.Repository, subject digest.Digest, list []upstream.Referrer) error {
	raw, err := json.Marshal(map[string]any{"manifests": list})
	if err != nil {
		return err
	}
	old, err := repo.Referrers(ctx, subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) || bytes.Equal(old, raw) || old == nil && len(list) == 0 {
		return err
	}
	return repo.KeepReferrers(ctx, subject, raw)
}

// page does what an upstream that ignores n and last left undone.
func page(tags []string, next url.Values, limit int, last string) ([]string, url.Values) {
	if i := slices.Index(tags, last); last != "" && i >= 0 {
		tags = tags[i+1:]
	}
	if limit > 0 && len(tags) > limit {
		tags = tags[:limit]
		next = url.Values{"n": {strconv.Itoa(limit)}, "last": {tags[limit-1]}}
	}
	if tags == nil {
		tags = []string{}
	}
	return tags, next
}
