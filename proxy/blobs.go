package proxy

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// blob serves a blob of an allowed image. A HEAD starts no transfer: the size
// is in the manifest.
func (p *Proxy) blob(w *recorder, r *http.Request, rt route, who requester) error {
	if !who.granted {
		if b, ok := p.attached.blob(rt.ref.Name(), rt.blob); ok {
			return send(w, r, "application/octet-stream", rt.blob.String(), b)
		}
	}
	b, manifest, err := p.admitBlob(w, r, rt, who)
	if err != nil {
		if a, found, ferr := p.findAttachedBlob(r.Context(), rt, who, err); ferr == nil && found {
			return send(w, r, "application/octet-stream", rt.blob.String(), a)
		}
		return err
	}
	if address := p.content.redirect(r, rt.ref, b, who); address != "" {
		return redirect(w, address, b)
	}
	if r.Method == http.MethodHead {
		if size, ok := p.content.stored(r.Context(), rt.ref, rt.blob); ok {
			b.Size = size
		} else if p.content.foreign(r.Context(), rt.ref, rt.blob) {
			if err := p.content.prove(r.Context(), rt.ref, rt.blob); err != nil {
				return foreign(rt, err)
			}
		}
		blobHeaders(w.Header(), b)
		w.Header().Set("Content-Length", strconv.FormatInt(b.Size, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	r, err = checkRange(r, b.Size)
	if err != nil {
		return err
	}
	defer p.content.evictor.Uses().Hold(rt.ref.Name(), manifest)()
	body, size, err := p.content.open(r.Context(), rt.ref, b)
	if err != nil {
		if p.content.foreign(r.Context(), rt.ref, rt.blob) {
			return foreign(rt, err)
		}
		return err
	}
	defer body.Close()
	b.Size = size
	blobHeaders(w.Header(), b)
	source := &watched{ReadSeekCloser: body}
	// An *os.File must stay one for the kernel to send it by itself.
	if plain, ok := plainFile(body); ok {
		http.ServeContent(w, r, "", time.Time{}, plain)
	} else {
		http.ServeContent(w, r, "", time.Time{}, source)
	}
	// ServeContent tells nobody that reading failed on the way.
	return source.failed
}

// redirect sends the client to where the storage itself gives out the blob.
func redirect(w *recorder, address string, b store.Descriptor) error {
	h := w.Header()
	h.Set("Location", address)
	h.Set("Docker-Content-Digest", b.Digest.String())
	h.Set("Content-Length", "0")
	// The next client, and this one the next time, must ask again.
	h.Set("Cache-Control", "private, no-store")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func blobHeaders(h http.Header, b store.Descriptor) {
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Docker-Content-Digest", b.Digest.String())
	h.Set("Etag", `"`+b.Digest.String()+`"`)
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
}

// checkRange answers what http.ServeContent would answer in plain text: a
// range that lies outside gets the protocol's error; one that cannot be read,
// or several at once, are ignored as RFC 9110 §14.2 allows, and the whole blob
// is served.
func checkRange(r *http.Request, size int64) (*http.Request, error) {
	header := r.Header.Get("Range")
	if header == "" {
		return r, nil
	}
	start, ok := rangeStart(header, size)
	if !ok {
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		return whole, nil
	}
	if start >= size {
		refused := refuse(errcode.ErrorCodeRangeInvalid, "the range %q lies outside the %d bytes of the blob", clip(header), size)
		refused.header = http.Header{"Content-Range": {"bytes */" + strconv.FormatInt(size, 10)}}
		return nil, refused
	}
	return r, nil
}

// foreign says why a foreign layer that upstream lacks is not had here either.
func foreign(rt route, err error) error {
	if kind, ok := upstream.KindOf(err); !ok || kind != upstream.NotFound {
		return err
	}
	return refuse(errcode.ErrorCodeBlobUnknown, "%s is a foreign layer: %s does not hold it, and this gate fetches nothing from addresses that a manifest names; push the image to the registry with all its layers",
		rt.blob, rt.ref.Registry)
}

// foreign tells whether some manifest of the repository calls the blob a
// foreign layer.
func (c *Content) foreign(ctx context.Context, ref image.Reference, d digest.Digest) bool {
	named, err := c.naming(ctx, ref, d)
	if err != nil {
		return false
	}
	for _, n := range named {
		if m, err := c.store.Repository(ref.Name()).Manifest(ctx, n.Manifest); err == nil {
			if b, ok := m.Blob(d); ok && b.Foreign() {
				return true
			}
		}
	}
	return false
}
