package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// theirs reads the credentials that a client brought for upstreams that take
// them: nobody has any for the gate itself then.
func theirs(r *http.Request) (upstream.Credential, error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return upstream.Credential{Token: strings.TrimSpace(rest)}, nil
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := r.BasicAuth()
		if ok && user != "" {
			return upstream.Credential{Username: user, Password: password}, nil
		}
	}
	return upstream.Credential{}, challenge("the Authorization header cannot be read: send Basic or Bearer credentials of the registry")
}

// challenge asks a client for credentials of an upstream (RFC 7235, section 4.1).
func challenge(format string, args ...any) refusal {
	r := refuse(errcode.ErrorCodeUnauthorized, format, args...)
	r.header = http.Header{"Www-Authenticate": {`Basic realm="sallyport", charset="UTF-8"`}}
	return r
}

// onBehalf has what the request asks of an upstream be asked with the client's
// credentials, at upstreams that take them. The sandbox has none and needs none:
// what it may fetch is in its grant.
func (p *Proxy) onBehalf(r *http.Request, who requester) *http.Request {
	if !p.content.cfg.takesCredentials() || who.granted {
		return r
	}
	return r.WithContext(upstream.WithCredential(r.Context(), who.credential))
}

// visible makes sure that the client may see the repository at all, before
// anything that the gate has of it is looked up.
func (p *Proxy) visible(ctx context.Context, rt route) error {
	var err error
	switch {
	case rt.kind == routeBlob:
		_, err = p.content.seen(ctx, rt.ref, rt.blob.String(), func(v view, ctx context.Context) error {
			return v.reg.HasBlob(ctx, rt.ref.Repository, rt.blob)
		})
	case rt.kind == routeManifest && rt.ref.Digest != "":
		_, err = p.content.seen(ctx, rt.ref, rt.ref.Digest.String(), func(v view, ctx context.Context) error {
			_, err := v.reg.Find(ctx, rt.ref.Repository, rt.ref.Digest.String())
			return err
		})
	}
	return err
}

// fetchFor fetches an image whole with the credential of the client that waits
// for it: the sandbox that is to run it has none. It returns at once.
func (c *Content) fetchFor(ctx context.Context, ref image.Reference, m store.Manifest) {
	if v, err := c.view(ctx, ref); err != nil || v.client == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.fetchAll(upstream.Carry(c.ctx, ctx), ref, m)
	}()
}

// Fetch begins to fetch an image whole with the credential in ctx, for the
// sandbox that is to run it and has none. Without a credential that counts at
// the upstream it does nothing: the sandbox's own request finds it then. It
// returns at once.
func (c *Content) Fetch(ctx context.Context, ref image.Reference) {
	m, err := c.manifest(ctx, ref)
	if err != nil {
		c.cfg.Logger.Warn("an image that waits for its analysis is not fetched", "image", ref.String(), "error", err)
		return
	}
	c.fetchFor(ctx, ref, m)
}

// TakesCredentials tells whether the registry is asked with the credentials of
// whoever wants something of it: upstream.WithCredential.
func (c *Content) TakesCredentials(registry string) bool {
	r, err := c.upstreams.Registry(registry)
	return err == nil && r.TakesCredentials()
}

func (c *Content) fetchAll(ctx context.Context, ref image.Reference, m store.Manifest) {
	for _, d := range runnable(m) {
		child, err := c.manifest(ctx, image.Reference{Registry: ref.Registry, Repository: ref.Repository, Digest: d})
		if err != nil {
			c.cfg.Logger.Warn("an image that waits for its analysis is not fetched", "image", ref.String(), "error", err)
			return
		}
		c.fetchAll(ctx, ref, child)
	}
	for _, b := range m.Blobs {
		if _, ok := c.stored(ctx, ref, b.Digest); ok {
			continue
		}
		r, _, err := c.open(ctx, ref, b)
		if err != nil {
			c.cfg.Logger.Warn("an image that waits for its analysis is not fetched", "image", ref.String(), "error", err)
			return
		}
		r.Close() // its fill goes on
	}
}

// runnable are the children of an index that a sandbox on this machine could
// be asked to run.
func runnable(m store.Manifest) []digest.Digest {
	if len(m.Children) == 0 {
		return nil
	}
	var doc struct {
		Manifests []struct {
			Digest   digest.Digest   `json:"digest"`
			Platform *image.Platform `json:"platform"`
		} `json:"manifests"`
	}
	if err := json.Unmarshal(m.Raw, &doc); err != nil {
		return nil
	}
	host := image.Host()
	var all []digest.Digest
	for _, d := range doc.Manifests {
		if d.Platform == nil || d.Platform.OS == host.OS && d.Platform.Architecture == host.Architecture {
			all = append(all, d.Digest)
		}
	}
	return all
}
