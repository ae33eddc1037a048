package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/fill"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// open opens a blob that a manifest of ref's repository describes: from the
// store, else following its fill. A failure to begin is the error returned
// here; a failure on the way ends the reading with an error.
func (c *Content) open(ctx context.Context, ref image.Reference, b store.Descriptor) (io.ReadSeekCloser, int64, error) {
	repo := c.store.Repository(ref.Name())
	proven := repo.HasLayer(ctx, b.Digest)
	unreadable := false // it is in the store, which fails
	if !proven {
		// The bytes may be here for another repository. That this one names
		// them proves nothing: whoever writes a manifest can name any digest.
		// They may also have come, with the link, since that was looked for.
		_, err := c.store.Size(ctx, b.Digest)
		if proven = repo.HasLayer(ctx, b.Digest); err == nil && !proven {
			if err := c.prove(ctx, ref, b.Digest); err != nil {
				return nil, 0, err
			}
			proven = true
		}
	}
	if proven {
		r, size, err := c.store.Open(ctx, b.Digest)
		if err == nil || ctx.Err() != nil {
			return r, size, err
		}
		c.faulty(ctx, "opening a blob", err)
		unreadable = !errors.Is(err, store.ErrNotFound)
	}
	for stored, again := 0, false; ; {
		req := c.request(ctx, ref, b, proven)
		if unreadable {
			req.Stored = nil
		}
		r, err := c.fills.Open(ctx, req)
		switch {
		case err == nil:
			return r, b.Size, nil
		case errors.Is(err, fill.ErrOther) && !proven:
			if err := c.prove(ctx, ref, b.Digest); err != nil {
				return nil, 0, err
			}
			proven = true
		case errors.Is(err, fill.ErrStored) && stored < 3:
			// It came into the store since that was asked, or another replica
			// brought it, and may be evicted again before it is opened.
			stored++
			if !proven && !repo.HasLayer(ctx, b.Digest) {
				if err := c.prove(ctx, ref, b.Digest); err != nil {
					return nil, 0, err
				}
			}
			proven = true
			r, size, err := c.store.Open(ctx, b.Digest)
			if err == nil || ctx.Err() != nil {
				return r, size, err
			}
			c.faulty(ctx, "opening a blob", err)
			unreadable = !errors.Is(err, store.ErrNotFound)
		case c.refusedTo(ctx, ref, err) && !again:
			// It may have been another client's credential that was refused.
			again = true
		default:
			return nil, 0, err
		}
	}
}

// refusedTo tells whether upstream refused a client's credential.
func (c *Content) refusedTo(ctx context.Context, ref image.Reference, err error) bool {
	v, verr := c.view(ctx, ref)
	kind, ok := upstream.KindOf(err)
	return verr == nil && v.client != "" && ok && kind == upstream.Refused
}

// request is the fill of a blob from its upstream into the store.
func (c *Content) request(asked context.Context, ref image.Reference, b store.Descriptor, proven bool) fill.Request {
	return fill.Request{
		Digest: b.Digest, Size: b.Size, Owner: ref.Name(), Proven: proven,
		Source: func(ctx context.Context, offset int64) (io.ReadCloser, int64, int64, error) {
			reg, err := c.upstreams.Registry(ref.Registry)
			if err != nil {
				return nil, 0, 0, err
			}
			return reg.Blob(upstream.Carry(ctx, asked), ref.Repository, b.Digest, offset)
		},
		Keep: func(ctx context.Context, file string) error {
			// The link first: who finds the bytes must not wonder whose they are.
			if err := c.store.Repository(ref.Name()).AddLayer(ctx, b.Digest); err != nil {
				return err
			}
			if err := c.store.Adopt(ctx, b.Digest, file); err != nil {
				return err
			}
			c.evictor.Stored(b.Size)
			return nil
		},
		Stored: func(ctx context.Context) bool {
			_, err := c.store.Size(ctx, b.Digest)
			return err == nil
		},
	}
}

// prove asks upstream whether the repository holds the blob, and remembers it.
func (c *Content) prove(ctx context.Context, ref image.Reference, d digest.Digest) error {
	v, err := c.view(ctx, ref)
	if err != nil {
		return err
	}
	_, err = once(ctx, c, "holds "+v.client+" "+ref.Name()+"@"+d.String(), func(ctx context.Context) (struct{}, error) {
		if err := v.reg.HasBlob(ctx, ref.Repository, d); err != nil {
			return struct{}{}, err
		}
		c.faulty(ctx, "recording who holds a blob", c.store.Repository(ref.Name()).AddLayer(ctx, d))
		return struct{}{}, nil
	})
	return err
}

// stored returns the size of a blob that the repository is known to hold.
func (c *Content) stored(ctx context.Context, ref image.Reference, d digest.Digest) (int64, bool) {
	if !c.store.Repository(ref.Name()).HasLayer(ctx, d) {
		return 0, false
	}
	size, err := c.store.Size(ctx, d)
	return size, err == nil
}

// redirect is the address at which the storage gives out the blob, if it can
// and is meant to, and has it; else "". The sandbox may not reach it.
func (c *Content) redirect(r *http.Request, ref image.Reference, b store.Descriptor, who requester) string {
	if !c.cfg.Redirect || who.granted {
		return ""
	}
	if _, ok := c.stored(r.Context(), ref, b.Digest); !ok {
		return ""
	}
	address, err := c.store.RedirectURL(r, b.Digest)
	c.faulty(r.Context(), "redirecting a client", err)
	return address
}
