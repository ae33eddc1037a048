package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/verdict"
)

// maxReferrersPage bounds one answer: what clients must be able to read of a
// manifest (distribution specification, "Listing Referrers").
const maxReferrersPage = 4 << 20

// referrers lists what refers to a manifest of the repository: what the gate
// attached to it, and what upstream lists. The gate is not asked, since what is
// attached are reports, also of denied images: they say why; and what upstream
// lists is asked for, and judged, by its own digest.
func (p *Proxy) referrers(w *recorder, r *http.Request, subject image.Reference) error {
	attached, err := p.attachedTo(r.Context(), subject)
	if err != nil {
		return err
	}
	list := []upstream.Referrer{}
	for _, a := range attached {
		var doc struct {
			Annotations map[string]string `json:"annotations"`
		}
		if err := json.Unmarshal(a.Manifest, &doc); err != nil {
			return err
		}
		list = append(list, upstream.Referrer{
			MediaType: a.MediaType, Digest: a.Digest, Size: int64(len(a.Manifest)), ArtifactType: a.ArtifactType, Annotations: doc.Annotations,
		})
	}
	theirs, err := p.content.referrersOf(r.Context(), subject)
	switch {
	case err != nil && (len(list) == 0 || !away(err)):
		return err
	case err != nil:
		warn(w.Header(), []string{subject.Registry + " cannot be asked now: only this gate's own reports are listed"})
	case theirs.old:
		warn(w.Header(), []string{subject.Registry + " cannot be asked now: this is what it listed before"})
	}
	seen := map[digest.Digest]bool{}
	list = slices.DeleteFunc(append(list, theirs.list...), func(d upstream.Referrer) bool {
		again := seen[d.Digest]
		seen[d.Digest] = true
		return again
	})
	query := r.URL.Query()
	if wanted := query.Get("artifactType"); wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
		list = slices.DeleteFunc(list, func(d upstream.Referrer) bool { return d.ArtifactType != wanted })
	}
	list, more, err := referrersPage(list, query.Get("last"))
	if err != nil {
		return err
	}
	if more {
		query.Set("last", list[len(list)-1].Digest.String())
		w.Header().Set("Link", "<"+(&url.URL{Path: r.URL.Path, RawQuery: query.Encode()}).String()+`>; rel="next"`)
	}
	return sendJSON(w, r, store.OCIIndex, map[string]any{
		"schemaVersion": 2, "mediaType": store.OCIIndex, "manifests": list,
	})
}

// referrersPage cuts the list to what follows last and fits one answer.
func referrersPage(list []upstream.Referrer, last string) (page []upstream.Referrer, more bool, err error) {
	if i := slices.IndexFunc(list, func(d upstream.Referrer) bool { return d.Digest.String() == last }); last != "" && i >= 0 {
		list = list[i+1:]
	}
	size := 256
	for i, d := range list {
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, false, err
		}
		if size += len(raw) + 1; size > maxReferrersPage && i > 0 {
			return list[:i], true, nil
		}
	}
	return list, false, nil
}

// attachedTo returns what is attached to a manifest, if the repository has the
// manifest: a report tells about an image, so it is not for those who cannot
// see the image.
func (p *Proxy) attachedTo(ctx context.Context, subject image.Reference) ([]verdict.Artifact, error) {
	if _, err := p.content.manifest(ctx, subject); err != nil {
		// The specification wants an empty list for what is not known.
		if kind, ok := upstream.KindOf(err); ok && kind == upstream.NotFound {
			return nil, nil
		}
		return nil, err
	}
	if p.artifacts == nil {
		return nil, nil
	}
	attached, err := p.artifacts.Artifacts(ctx, subject.Digest)
	if err != nil {
		return nil, err
	}
	for _, a := range attached {
		p.attached.add(subject.Name(), a)
	}
	return attached, nil
}

// findAttached looks for an attached manifest by its own digest, through what
// is attached to each manifest of the repository.
func (p *Proxy) findAttached(ctx context.Context, ref image.Reference, d digest.Digest) (verdict.Artifact, bool, error) {
	return p.search(ctx, ref, func(a verdict.Artifact) bool { return a.Digest == d })
}

// findAttachedBlob does the same for a blob that no manifest of the upstream names.
func (p *Proxy) findAttachedBlob(ctx context.Context, rt route, who requester, refused error) ([]byte, bool, error) {
	if who.granted || !errors.Is(refused, ErrBlobUnknown) {
		return nil, false, nil
	}
	a, ok, err := p.search(ctx, rt.ref, func(a verdict.Artifact) bool { return a.Blobs[rt.blob] != nil })
	return a.Blobs[rt.blob], ok, err
}

func (p *Proxy) search(ctx context.Context, ref image.Reference, is func(verdict.Artifact) bool) (verdict.Artifact, bool, error) {
	if p.artifacts == nil {
		return verdict.Artifact{}, false, nil
	}
	subjects, err := p.content.store.Repository(ref.Name()).Manifests(ctx)
	if err != nil {
		return verdict.Artifact{}, false, err
	}
	for _, s := range subjects {
		attached, err := p.artifacts.Artifacts(ctx, s)
		if err != nil {
			return verdict.Artifact{}, false, err
		}
		for _, a := range attached {
			if is(a) {
				p.attached.add(ref.Name(), a)
				return a, true, nil
			}
		}
	}
	return verdict.Artifact{}, false, nil
}

// attachedKept bounds the attached documents that are remembered: a report is
// at most some 100 KiB.
const attachedKept = 256

// attachedCache remembers attached documents of repositories, so that whoever
// got a list of referrers can fetch them. What it forgets is searched for.
type attachedCache struct {
	lru *lru.Cache[attachedKey, verdict.Artifact]
}

// attachedKey is a repository's name with a manifest's or a blob's digest.
type attachedKey struct {
	name   string
	digest digest.Digest
}

func newAttachedCache() (attachedCache, error) {
	c, err := lru.New[attachedKey, verdict.Artifact](attachedKept)
	return attachedCache{c}, err
}

func (c attachedCache) add(name string, a verdict.Artifact) {
	c.lru.Add(attachedKey{name, a.Digest}, a)
	for d := range a.Blobs {
		c.lru.Add(attachedKey{name, d}, a)
	}
}

func (c attachedCache) manifest(name string, d digest.Digest) (verdict.Artifact, bool) {
	a, ok := c.lru.Get(attachedKey{name, d})
	return a, ok && a.Digest == d
}

func (c attachedCache) blob(name string, d digest.Digest) ([]byte, bool) {
	a, ok := c.lru.Get(attachedKey{name, d})
	if !ok {
		return nil, false
	}
	b, ok := a.Blobs[d]
	return b, ok
}
