package evict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

// Usage counts how full the cache is now: what replicas and pulls brought since
// the last pass is in it, as it is in Images.
func (e *Evictor) Usage(ctx context.Context) (cache.Usage, error) {
	at := e.cfg.Now()
	p, err := e.look(ctx)
	if err != nil {
		return cache.Usage{}, err
	}
	u := cache.Usage{Bytes: p.total(), Blobs: len(p.Blobs), Manifests: len(p.Manifests), Limit: e.cfg.Size, Measured: at.UTC()}
	if e.cfg.Keep > 0 {
		u.Keep = e.cfg.Keep.String()
	}
	return u, nil
}

// Images lists the cached images whose repository or tags contain part, least
// recently used last.
func (e *Evictor) Images(ctx context.Context, part string) ([]cache.Image, error) {
	p, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := e.pins(ctx, p); err != nil {
		return nil, err
	}
	all := []cache.Image{}
	for _, r := range slices.Backward(p.roots) {
		i, err := e.image(ctx, p, r)
		if err != nil {
			return nil, err
		}
		matches := func(tag string) bool { return strings.Contains(i.Repository+":"+tag, part) }
		if strings.Contains(i.Repository+"@"+i.Digest.String(), part) || slices.ContainsFunc(i.Tags, matches) {
			all = append(all, i)
		}
	}
	return all, nil
}

// Image tells what is cached of an image, and what keeps each of its blobs. The
// error wraps cache.ErrNotCached.
func (e *Evictor) Image(ctx context.Context, ref image.Reference) (cache.Image, error) {
	p, err := e.look(ctx)
	if err != nil {
		return cache.Image{}, err
	}
	if _, err := e.pins(ctx, p); err != nil {
		return cache.Image{}, err
	}
	i, err := e.find(ctx, p, ref)
	if err != nil {
		return cache.Image{}, err
	}
	// A child of an index is shown as an image of its own.
	r := root{manifest: i}
	for _, other := range p.roots {
		if slices.Contains(other.members, i) {
			r.used = other.used
			if other.manifest == i {
				r = other
				break
			}
		}
	}
	if r.members == nil {
		r.members = append(p.children(i), i)
	}
	shown, err := e.image(ctx, p, r)
	if err != nil {
		return cache.Image{}, err
	}
	seen := map[digest.Digest]bool{}
	for _, m := range r.members {
		for _, d := range append([]digest.Digest{p.Manifests[m].Digest}, p.names[m].blobs...) {
			if !seen[d] {
				seen[d] = true
				shown.Blobs = append(shown.Blobs, p.blob(d))
			}
		}
	}
	return shown, nil
}

// Blob tells what keeps a blob. The error wraps cache.ErrNotCached.
func (e *Evictor) Blob(ctx context.Context, d digest.Digest) (cache.Blob, error) {
	p, err := e.look(ctx)
	if err != nil {
		return cache.Blob{}, err
	}
	b := p.blob(d)
	if !b.Cached && len(b.KeptBy) == 0 {
		return b, fmt.Errorf("%w: %s", cache.ErrNotCached, d)
	}
	return b, nil
}

func (p *plan) blob(d digest.Digest) cache.Blob {
	stored, ok := p.Blobs[d]
	b := cache.Blob{Digest: d, Size: stored.Size, Cached: ok, KeptBy: []string{}}
	for _, r := range p.roots {
		for _, i := range r.members {
			if p.Manifests[i].Digest == d || slices.Contains(p.names[i].blobs, d) {
				m := p.Manifests[r.manifest]
				b.KeptBy = append(b.KeptBy, m.Repository+"@"+m.Digest.String())
				break
			}
		}
	}
	slices.Sort(b.KeptBy)
	return b
}

func (e *Evictor) find(ctx context.Context, p *plan, ref image.Reference) (int, error) {
	d := ref.Digest
	if d == "" {
		var err error
		d, err = e.cfg.Store.Repository(ref.Name()).Tag(ctx, ref.Tag)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
	}
	i, ok := p.at[held{ref.Name(), d}]
	if !ok {
		return 0, fmt.Errorf("%w: %s", cache.ErrNotCached, ref)
	}
	return i, nil
}

func (e *Evictor) image(ctx context.Context, p *plan, r root) (cache.Image, error) {
	m := p.Manifests[r.manifest]
	out := cache.Image{
		Repository: m.Repository, Digest: m.Digest, MediaType: p.names[r.manifest].mediaType,
		Used: r.used.UTC().Truncate(time.Second), Pinned: p.pinned[r.manifest],
	}
	for _, tag := range m.Tags {
		now, err := e.cfg.Store.Repository(m.Repository).Tag(ctx, tag)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return out, err
		}
		if now == m.Digest {
			out.Tags = append(out.Tags, tag)
		}
	}
	mine := map[digest.Digest]int{} // how many of this image's manifests name it
	for _, i := range r.members {
		if i != r.manifest {
			out.Children = append(out.Children, p.Manifests[i].Digest)
		}
		mine[p.Manifests[i].Digest]++
		for _, b := range p.names[i].blobs {
			mine[b]++
		}
	}
	for d, n := range mine {
		size := p.Blobs[d].Size
		out.Size += size
		if n == p.blobs[d] {
			out.Frees += size
		}
	}
	return out, nil
}
