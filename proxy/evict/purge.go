package evict

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/image"
)

// Purge deletes images because a person says so, also those used a moment ago.
// Pinned ones stay, and those that are being read or pulled meanwhile. Errors
// wrap cache.ErrNotCached, cache.ErrPurge, or are faults of the storage.
func (e *Evictor) Purge(ctx context.Context, q cache.Purge) (cache.Purged, error) {
	out := cache.Purged{Images: []cache.Image{}, DryRun: q.DryRun}
	if !q.All && len(q.Images) == 0 && len(q.Repositories) == 0 && q.OlderThan <= 0 {
		return out, cache.ErrPurge
	}
	e.settle(ctx)
	e.passing.Lock()
	defer e.passing.Unlock()
	p, err := e.read(ctx)
	if err != nil {
		return out, err
	}
	if _, err := e.pins(ctx, p); err != nil {
		return out, err
	}
	named, err := e.named(ctx, p, q)
	if err != nil {
		return out, err
	}
	now := e.cfg.Now()
	var chosen []root
	for _, r := range p.roots {
		m := p.Manifests[r.manifest]
		if !named(r) || q.OlderThan > 0 && now.Sub(r.used) <= q.OlderThan {
			continue
		}
		name := m.Repository + "@" + m.Digest.String()
		switch {
		case p.pinned[r.manifest]:
			out.Pinned = append(out.Pinned, name)
		case e.inUse(p, r, true):
			out.InUse = append(out.InUse, name)
		default:
			chosen = append(chosen, r)
		}
	}
	for _, r := range chosen { // before anything is dropped, so that sizes are right
		i, err := e.image(ctx, p, r)
		if err != nil {
			return out, err
		}
		out.Images = append(out.Images, i)
	}
	for _, r := range chosen {
		p.drop(r)
	}
	if q.DryRun {
		out.Blobs, out.Bytes = len(p.freed), p.bytes
		return out, nil
	}
	done, err := e.apply(ctx, p, chosen, true)
	for _, r := range done.inUse {
		m := p.Manifests[r.manifest]
		out.InUse = append(out.InUse, m.Repository+"@"+m.Digest.String())
		out.Images = slices.DeleteFunc(out.Images, func(i cache.Image) bool {
			return i.Repository == m.Repository && i.Digest == m.Digest
		})
	}
	out.Blobs, out.Bytes = done.blobs, done.bytes
	e.measure(ctx, p)
	return out, err
}

// named tells which images the purge names.
func (e *Evictor) named(ctx context.Context, p *plan, q cache.Purge) (func(root) bool, error) {
	if len(q.Images) == 0 && len(q.Repositories) == 0 {
		return func(root) bool { return true }, nil
	}
	manifests := map[int]bool{}
	for _, text := range q.Images {
		ref, err := image.Parse(text)
		if err != nil {
			return nil, err
		}
		i, err := e.find(ctx, p, ref)
		if err != nil {
			return nil, err
		}
		manifests[i] = true
	}
	for _, name := range q.Repositories {
		found := false
		for i, m := range p.Manifests {
			if m.Repository == name {
				manifests[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: nothing of the repository %s", cache.ErrNotCached, name)
		}
	}
	roots := map[int]bool{}
	for _, r := range p.roots {
		roots[r.manifest] = true
	}
	for i := range manifests {
		if !roots[i] && len(q.Repositories) == 0 {
			m := p.Manifests[i]
			return nil, fmt.Errorf("%w: %s@%s is part of an index: purge that", cache.ErrPurge, m.Repository, m.Digest)
		}
	}
	return func(r root) bool { return manifests[r.manifest] }, nil
}
