package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/verdict"
)

// referrer is a descriptor in the list of referrers (distribution
// specification, "Listing Referrers").
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// referrers lists what the gate attached to a manifest of the repository. What
// is attached are reports, also of denied images: they say why.
func (p *Proxy) referrers(w *recorder, r *http.Request, subject image.Reference) error {
	list := []referrer{}
	wanted := r.URL.Query().Get("artifactType")
	attached, err := p.attachedTo(r.Context(), subject)
	if err != nil {
		return err
	}
	for _, a := range attached {
		if wanted != "" && a.ArtifactType != wanted {
			continue
		}
		var doc struct {
			Annotations map[string]string `json:"annotations"`
		}
		if err := json.Unmarshal(a.Manifest, &doc); err != nil {
			return err
		}
		list = append(list, referrer{a.MediaType, a.Digest, int64(len(a.Manifest)), a.ArtifactType, doc.Annotations})
	}
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	return sendJSON(w, r, store.OCIIndex, map[string]any{
		"schemaVersion": 2, "mediaType": store.OCIIndex, "manifests": list,
	})
}

// attachedTo returns what is attached to a manifest, if the repository has the
// manifest: a report tells about an image, so it is not for those who cannot
// see the image.
func (p *Proxy) attachedTo(ctx context.Context, subject image.Reference) ([]verdict.Artifact, error) {
	if p.artifacts == nil {
		return nil, nil
	}
	if _, err := p.content.manifest(ctx, subject); err != nil {
		// The specification wants an empty list for what is not known.
		if kind, ok := upstream.KindOf(err); ok && kind == upstream.NotFound {
			return nil, nil
		}
		return nil, err
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
