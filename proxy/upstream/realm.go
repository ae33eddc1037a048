package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// errElsewhere is wrapped when an upstream would have credentials or questions
// sent where they must not go.
var errElsewhere = errors.New("refused to go where the registry points")

// pinned keeps what is sent where it belongs: to the endpoint on the scheme
// that it was configured with (go-containerregistry would try https, then http,
// for local addresses), to a token service of the same domain (CVE-2026-33540),
// and to where a redirect points, without credentials.
type pinned struct {
	base       *url.URL
	tokenHosts []string // besides those of base's own domain
	inner      http.RoundTripper
	note       func(context.Context, *http.Response)
}

func (p *pinned) RoundTrip(req *http.Request) (*http.Response, error) {
	ours := req.URL.Host == p.base.Host
	switch {
	case ours && req.URL.Scheme != p.base.Scheme:
		return nil, fmt.Errorf("%w: %s is configured for %s only", errElsewhere, p.base.Host, p.base.Scheme)
	case ours:
	case req.Response != nil:
		// The address of a cloud's instance is nobody's store of blobs.
		if ip := net.ParseIP(req.URL.Hostname()); ip != nil && ip.IsLinkLocalUnicast() {
			return nil, fmt.Errorf("%w: a redirect to the link-local address %s", errElsewhere, ip)
		}
		trailOf(req.Context()).add(req.URL.Hostname())
	default:
		if !p.mayAsk(req) {
			return nil, fmt.Errorf("%w: its token service %s is not of %s's domain; if it is right, list it under token_hosts", errElsewhere, req.URL.Host, p.base.Host)
		}
		ours = true
	}
	resp, err := p.inner.RoundTrip(req)
	if err == nil && ours {
		p.note(req.Context(), resp)
	}
	return resp, err
}

// mayAsk tells whether a token may be asked for at the request's host. Where a
// redirect led may be asked, too, if no credentials go there.
func (p *pinned) mayAsk(req *http.Request) bool {
	host := req.URL.Hostname()
	if p.base.Scheme == "https" && req.URL.Scheme != "https" {
		return false
	}
	if sameSite(host, p.base.Hostname()) || slices.Contains(p.tokenHosts, req.URL.Host) || slices.Contains(p.tokenHosts, host) {
		return true
	}
	return req.Method == http.MethodGet && req.Header.Get("Authorization") == "" &&
		slices.ContainsFunc(trailOf(req.Context()).visited(), func(h string) bool { return sameSite(host, h) })
}

// sameSite tells whether two hosts are of one registrable domain, or the same.
func sameSite(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return true
	}
	if net.ParseIP(a) != nil || net.ParseIP(b) != nil {
		return false
	}
	x, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	y, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && x == y
}

// trail is where the redirects of one question led.
type trail struct {
	mu    sync.Mutex
	hosts []string
}

type trailKey struct{}

func withTrail(ctx context.Context) context.Context {
	return context.WithValue(ctx, trailKey{}, &trail{})
}

func trailOf(ctx context.Context) *trail {
	t, _ := ctx.Value(trailKey{}).(*trail)
	return t
}

func (t *trail) add(host string) {
	if t != nil {
		t.mu.Lock()
		t.hosts = append(t.hosts, host)
		t.mu.Unlock()
	}
}

func (t *trail) visited() []string {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.hosts)
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return fmt.Errorf("%w: stopped after 10 redirects", errElsewhere)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("%w: redirected from https to %s", errElsewhere, req.URL.Scheme)
	}
	return nil
}
