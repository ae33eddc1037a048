package upstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	lru "github.com/hashicorp/golang-lru/v2"
)

// sessionsKept bounds the repositories of one endpoint for which a token is
// kept; one is about 2 KiB.
const sessionsKept = 1024

// endpoint is one address of an upstream. Tokens are kept per repository,
// since a registry grants them so.
type endpoint struct {
	base     *url.URL
	registry name.Registry
	keychain authn.Keychain
	resource authn.Resource // what the keychain is asked for
	conns    *http.Transport
	inner    http.RoundTripper // conns with retries
	sessions *lru.Cache[string, *session]
}

// session is the authenticated transport for one repository, made on first use.
type session struct {
	making    chan struct{} // holds one token: whoever has it may look at transport
	transport http.RoundTripper
}

func newEndpoint(address string, keychain authn.Keychain, resource authn.Resource) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("endpoint %q: write https://host[:port] or http://host[:port]", address)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("endpoint %s://%s: give only scheme, host and port; credentials are settings of their own", u.Scheme, u.Host)
	}
	opts := []name.Option{name.StrictValidation}
	if u.Scheme == "http" {
		opts = append(opts, name.Insecure)
	}
	reg, err := name.NewRegistry(u.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", address, err)
	}
	sessions, err := lru.New[string, *session](sessionsKept)
	if err != nil {
		return nil, err
	}
	if resource == nil {
		resource = reg
	}
	base, conns := &url.URL{Scheme: u.Scheme, Host: u.Host}, newTransport()
	return &endpoint{
		base: base, registry: reg, keychain: keychain, resource: resource, sessions: sessions, conns: conns,
		inner: transport.NewUserAgent(transport.NewRetry(&pinned{base: base, inner: conns},
			transport.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusInternalServerError,
				http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout)), "sallyport"),
	}, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		// A blob is the bytes that were sent: never unpack a Content-Encoding.
		DisableCompression: true,
	}
}

// do sends one request with the repository's token, following redirects.
func (e *endpoint) do(ctx context.Context, method, repository, path string, query url.Values, header http.Header) (*http.Response, error) {
	rt, err := e.transportFor(ctx, repository)
	if err != nil {
		return nil, err
	}
	u := *e.base
	u.Path = "/v2/" + repository + path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	client := http.Client{Transport: rt, CheckRedirect: checkRedirect}
	return client.Do(req)
}

// transportFor returns the transport that holds the repository's token. The
// registry's challenge is answered, with the checks of its realm, by
// go-containerregistry.
func (e *endpoint) transportFor(ctx context.Context, repository string) (http.RoundTripper, error) {
	fresh := &session{making: make(chan struct{}, 1)}
	fresh.making <- struct{}{}
	s, ok, _ := e.sessions.PeekOrAdd(repository, fresh)
	if ok {
		e.sessions.Get(repository) // counts as use
	} else {
		s = fresh
	}
	select {
	case <-s.making:
		defer func() { s.making <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.transport != nil {
		return s.transport, nil
	}
	auth, err := authn.Resolve(ctx, e.keychain, e.resource)
	if err != nil {
		return nil, fmt.Errorf("looking up credentials for %s: %w", e.resource.RegistryStr(), err)
	}
	rt, err := transport.NewWithContext(ctx, e.registry, auth, e.inner, []string{"repository:" + repository + ":pull"})
	if err != nil {
		return nil, err
	}
	s.transport = rt
	return rt, nil
}

// pinned keeps requests to the endpoint on the scheme that it was configured
// with: go-containerregistry would try https, then http, for local addresses.
type pinned struct {
	base  *url.URL
	inner http.RoundTripper
}

func (p *pinned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == p.base.Host && req.URL.Scheme != p.base.Scheme {
		return nil, fmt.Errorf("%s is configured for %s only", p.base.Host, p.base.Scheme)
	}
	return p.inner.RoundTrip(req)
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return fmt.Errorf("stopped after 10 redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirected from https to %s", req.URL.Scheme)
	}
	return nil
}
