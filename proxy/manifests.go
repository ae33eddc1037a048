package proxy

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// manifest serves a manifest or an index, by tag or digest, if the gate lets it.
func (p *Proxy) manifest(w *recorder, r *http.Request, ref image.Reference, who requester) error {
	if who.granted {
		if !who.opens(ref) {
			return refuse(errcode.ErrorCodeDenied, "the token opens one image only: %s", who.grant)
		}
	} else if a, ok := p.attached.manifest(ref.Name(), ref.Digest); ok {
		return send(w, r, a.MediaType, ref.Digest.String(), a.Manifest)
	}
	m, err := p.content.manifest(r.Context(), ref)
	if err != nil {
		if kind, ok := upstream.KindOf(err); ok && kind == upstream.NotFound && ref.Digest != "" && !who.granted {
			if a, found, ferr := p.findAttached(r.Context(), ref, ref.Digest); ferr == nil && found {
				return send(w, r, a.MediaType, ref.Digest.String(), a.Manifest)
			}
		}
		return err
	}
	ref = ref.WithDigest(m.Digest)
	if !who.granted {
		if err := p.admit(w, r, ref, m, who); err != nil {
			return err
		}
	}
	if p.content.cfg.Shared {
		// The client may ask another replica for what the manifest names.
		p.content.written(r.Context(), ref.Name()+"@"+m.Digest.String())
	}
	p.content.store.Repository(ref.Name()).Use(m)
	p.content.evictor.Uses().Used(ref.Name(), m.Digest)
	return send(w, r, m.MediaType, m.Digest.String(), m.Raw)
}

// admit asks the gate, and waits with a GET while it has not decided yet. A
// HEAD is answered as if allowed then: some engines ask it first and give up
// on anything else, and the GET that must follow is what counts.
func (p *Proxy) admit(w *recorder, r *http.Request, ref image.Reference, m store.Manifest, who requester) error {
	d, err := p.decide(r, ref, who)
	if err != nil {
		return err
	}
	if d.Action == gate.Wait {
		if r.Method == http.MethodHead {
			w.decided(d)
			return nil
		}
		p.content.fetchFor(r.Context(), ref, m)
		if d, err = p.await(r, ref, who, d); err != nil {
			return err
		}
	}
	if err := verdictOn(d); err != nil {
		if d.Action != gate.Deny || r.Method != http.MethodHead || !p.content.cfg.AllowHead {
			return err
		}
		// The GET that follows is refused, and tells why.
	}
	w.decided(d)
	return nil
}

// send writes a document that is known by its digest.
func send(w *recorder, r *http.Request, mediaType, digest string, raw []byte) error {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set("Docker-Content-Digest", digest)
	h.Set("Etag", `"`+digest+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	// A cache between gate and client would hide the next decision from it.
	h.Set("Cache-Control", "private, no-cache")
	if r.Header.Get("If-None-Match") == `"`+digest+`"` {
		h.Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(raw)
	return err
}

// admitBlob lets a blob pass if the gate allows a manifest of the repository
// that names it. It returns that manifest, and the descriptor that it gives of
// the blob.
func (p *Proxy) admitBlob(w *recorder, r *http.Request, rt route, who requester) (b store.Descriptor, manifest digest.Digest, err error) {
	named, err := p.content.naming(r.Context(), rt.ref, rt.blob)
	if err != nil {
		return store.Descriptor{}, "", err
	}
	// Several manifests may name it; the answer to the client is that of the
	// one that comes closest to allowing it.
	var refused error
	for _, n := range named {
		ref := rt.ref.WithDigest(n.Manifest)
		if who.granted {
			if who.opens(ref) {
				return store.Descriptor{Digest: rt.blob, Size: n.Size}, n.Manifest, nil
			}
			continue
		}
		d, err := p.decide(r, ref, who)
		if err == nil {
			if err = verdictOn(d); err == nil {
				w.decided(d)
				return store.Descriptor{Digest: rt.blob, Size: n.Size}, n.Manifest, nil
			}
		}
		if r.Context().Err() != nil {
			return store.Descriptor{}, "", r.Context().Err()
		}
		if refused == nil || closeness(err) > closeness(refused) {
			refused = err
		}
	}
	if who.granted {
		refused = refuse(errcode.ErrorCodeDenied, "the token opens one image only, which does not name %s: %s", rt.blob, who.grant)
	}
	return store.Descriptor{}, "", refused
}

// closeness orders refusals of a blob: what is denied stays so, what waits
// will be decided, what failed may be allowed as soon as the fault is gone.
func closeness(err error) int {
	var r refusal
	switch {
	case !errors.As(err, &r):
		return 2
	case r.code == errcode.ErrorCodeDenied:
		return 0
	case r.code == errcode.ErrorCodeTooManyRequests:
		return 1
	}
	return 2
}
