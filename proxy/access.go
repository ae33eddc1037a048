package proxy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// viewsKept bounds what is remembered of clients' proofs and of what upstreams lack;
// one is about 250 bytes.
const viewsKept = 1 << 15

// view is what of a repository may be shown to who asks. At most upstreams the
// gate's own credentials decide that, once and for all clients. At those that
// take clients' own, a repository may be shown to a client only after upstream
// showed something of it to the client's credential: cached bytes, tags, and
// how long an answer takes are no way to learn what is there.
type view struct {
	content *Content
	reg     *upstream.Registry
	client  string // a name for the client's credential; "" for the gate's own
	name    string // of the repository
}

// view returns the view of ref's repository for who asks with ctx.
func (c *Content) view(ctx context.Context, ref image.Reference) (view, error) {
	reg, err := c.upstreams.Registry(ref.Registry)
	if err != nil {
		return view{}, err
	}
	client, _ := reg.Client(ctx)
	return view{c, reg, client, ref.Name()}, nil
}

func (v view) key() string { return v.client + " " + v.name }

// open tells whether the repository may be shown without asking upstream first.
func (v view) open() bool {
	if v.client == "" {
		return true
	}
	at, ok := v.content.proofs.Get(v.key())
	return ok && within(v.content.cfg.now(), at, v.content.cfg.CredentialTrust)
}

// proved records that upstream just showed something of the repository.
func (v view) proved() {
	if v.client != "" {
		v.content.proofs.Add(v.key(), v.content.cfg.now())
	}
}

// prove has upstream asked, unless it was lately.
func (v view) prove(ctx context.Context, what string, ask func(context.Context) error) error {
	if v.open() {
		return nil
	}
	if err := v.lacks(what); err != nil {
		return err
	}
	_, err := once(ctx, v.content, "proof "+v.key()+" "+what, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, v.told(what, ask(ctx))
	})
	return err
}

// told remembers what upstream's answer says about the repository, and about
// what was asked for.
func (v view) told(what string, err error) error {
	var up *upstream.Error
	switch {
	case err == nil:
		v.proved()
	case errors.As(err, &up) && (up.Kind == upstream.NotFound || up.Kind == upstream.Refused && v.client != ""):
		v.content.absent.Add(v.key()+" "+what, absence{v.content.cfg.now(), up})
	}
	return err
}

// seen returns the view of ref's repository after upstream showed it, or has
// shown it lately, to who asks; which is a digest of a manifest or of a blob.
func (c *Content) seen(ctx context.Context, ref image.Reference, which string, ask func(view, context.Context) error) (view, error) {
	v, err := c.view(ctx, ref)
	if err != nil {
		return view{}, err
	}
	return v, v.prove(ctx, which, func(ctx context.Context) error { return ask(v, ctx) })
}

// absence is what upstream said that it does not have, or does not show.
type absence struct {
	at  time.Time
	err *upstream.Error
}

// lacks is what upstream said a moment ago, if it was no.
func (v view) lacks(what string) error {
	a, ok := v.content.absent.Get(v.key() + " " + what)
	if !ok || !within(v.content.cfg.now(), a.at, v.content.cfg.TagAbsence) {
		return nil
	}
	return a.err
}

// within tells whether less than d has passed since at. A clock that jumped
// back makes nothing last longer.
func within(now, at time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}

// shows tells whether a repository may be shown in a list to who asks with ctx.
// Upstream is not asked.
func (c *Content) shows(ctx context.Context, ref image.Reference) bool {
	v, err := c.view(ctx, ref)
	if err != nil {
		return false
	}
	// The gate itself makes no lists for others.
	return v.open() && (v.client != "" || !v.reg.TakesCredentials())
}

// takesCredentials tells whether any upstream has clients' own credentials
// passed on.
func (c Config) takesCredentials() bool {
	return slices.ContainsFunc(c.Upstreams, func(u Upstream) bool { return u.Client })
}
