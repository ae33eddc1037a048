package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// idleBody is how long an answer's body may give nothing.
const idleBody = 60 * time.Second

// endpoint is one address of an upstream.
type endpoint struct {
	base     *url.URL
	registry name.Registry
	conns    *http.Transport
	inner    http.RoundTripper // conns with retries
	sessions *sessions
	health   health
	limits   *limits
	slots    chan struct{} // shared by all endpoints of the upstream
}

func newEndpoint(address string, cfg Config, keychain authn.Keychain, resource authn.Resource, slots chan struct{}, now func() time.Time) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("endpoint %q: write https://host[:port] or http://host[:port]", redacted(address))
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
	if resource == nil {
		resource = reg
	}
	conns, err := newTransport(cfg.Timeout, cfg.Settings[address])
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", address, err)
	}
	e := &endpoint{
		base: &url.URL{Scheme: u.Scheme, Host: u.Host}, registry: reg, conns: conns, limits: newLimits(), slots: slots,
	}
	e.inner = transport.NewUserAgent(transport.NewRetry(
		&pinned{base: e.base, tokenHosts: cfg.TokenHosts, inner: conns, note: func(ctx context.Context, resp *http.Response) {
			e.limits.note(now(), idOf(ctx), resp.StatusCode, resp.Header)
		}},
		// Once more, at once: whoever fails for longer is left out.
		transport.WithRetryBackoff(transport.Backoff{Duration: 200 * time.Millisecond, Factor: 1, Jitter: 0.5, Steps: 2}),
		transport.WithRetryPredicate(passing),
		transport.WithRetryStatusCodes(http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable)), "sallyport")
	e.sessions, err = newSessions(e, keychain, resource, now)
	return e, err
}

// redacted is an address that may hold a password as it may be shown.
func redacted(address string) string {
	if _, after, ok := strings.Cut(address, "@"); ok {
		return "…@" + after
	}
	return address
}

func newTransport(timeout time.Duration, cfg EndpointConfig) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: timeout,
		// What an upstream says about itself is short.
		MaxResponseHeaderBytes: 256 << 10,
		// A blob is the bytes that were sent: never unpack a Content-Encoding.
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.Insecure}, //nolint:gosec // the operator's explicit word
	}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no PEM certificate", cfg.CAFile)
		}
	}
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile); err != nil {
			return nil, fmt.Errorf("cert_file, key_file: %w", err)
		}
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
			return &c, err
		}
	}
	return t, nil
}

// question is one request below a repository's path.
type question struct {
	method     string
	repository string
	path       string // below the repository: "/manifests/latest"
	query      url.Values
	header     http.Header
}

// do sends a question with the asker's credentials for the repository,
// following redirects. Its place among those that may be asked at the same
// time is held until the body is closed.
func (e *endpoint) do(ctx context.Context, who asker, q question) (*http.Response, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(withTrail(withID(ctx, who.id)))
	resp, err := e.sessions.send(ctx, who, q)
	if err != nil {
		cancel()
		<-e.slots
		return nil, err
	}
	resp.Body = newBody(resp.Body, func() { cancel(); <-e.slots }, cancel)
	return resp, nil
}

func (e *endpoint) request(ctx context.Context, rt http.RoundTripper, q question) (*http.Response, error) {
	u := *e.base
	u.Path, u.RawQuery = "/v2/"+q.repository+q.path, q.query.Encode()
	req, err := http.NewRequestWithContext(ctx, q.method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range q.header {
		req.Header[k] = v
	}
	client := http.Client{Transport: rt, CheckRedirect: checkRedirect}
	return client.Do(req)
}

// body ends an answer that gives nothing for too long, and tells of its end.
type body struct {
	io.ReadCloser
	idle  *time.Timer
	once  sync.Once
	ended func()
}

func newBody(inner io.ReadCloser, ended, cancel func()) *body {
	return &body{ReadCloser: inner, idle: time.AfterFunc(idleBody, cancel), ended: ended}
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.Reset(idleBody)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.idle.Stop(); b.ended() })
	return err
}

type idKey struct{}

func withID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// idOf is the asker for whom a request, of a question or for its token, is sent.
func idOf(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}
