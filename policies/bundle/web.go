package bundle

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// fromWeb is an archive on a web server.
type fromWeb struct {
	cfg    Config
	client *http.Client
}

func newFromWeb(cfg Config) (*fromWeb, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("its URL cannot be read")
	}
	if u.Host == "" {
		return nil, errors.New("its URL names no host")
	}
	transport, err := newTransport(cfg.CA)
	if err != nil {
		return nil, err
	}
	return &fromWeb{cfg, &http.Client{Transport: transport, CheckRedirect: staysThere}}, nil
}

// staysThere follows redirects on the same host only: what is trusted is the
// server that is configured.
func staysThere(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > 5:
		return errors.New("more than 5 redirects")
	case r.URL.Host != first.Host:
		return fmt.Errorf("it redirects to another host, %s: set the URL of that one if it is to be trusted", r.URL.Host)
	case r.URL.Scheme != first.Scheme:
		return fmt.Errorf("it redirects from %s to %s", first.Scheme, r.URL.Scheme)
	}
	return nil
}

func (f *fromWeb) fetch(ctx context.Context, mark string) (Fetched, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.cfg.URL, nil)
	if err != nil {
		return Fetched{}, err
	}
	r.Header.Set("User-Agent", "sallyport")
	r.Header.Set("Accept", "application/gzip, application/vnd.openpolicyagent.bundles, */*;q=0.5")
	switch {
	case f.cfg.Token != "":
		r.Header.Set("Authorization", "Bearer "+f.cfg.Token)
	case f.cfg.Username != "":
		r.SetBasicAuth(f.cfg.Username, f.cfg.Password)
	}
	tag, tagged := strings.CutPrefix(mark, "etag:")
	if tagged {
		r.Header.Set("If-None-Match", tag)
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return Fetched{}, plain(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && tagged:
		return Fetched{}, ErrUnchanged
	case resp.StatusCode != http.StatusOK:
		err := fmt.Errorf("the server answers %s", resp.Status)
		if after := retryAfter(resp); after > 0 {
			return Fetched{}, &RetryError{err, after}
		}
		return Fetched{}, err
	case resp.ContentLength > MaxSize:
		return Fetched{}, tooLarge()
	}
	b, err := readAll(resp.Body)
	if err != nil {
		return Fetched{}, fmt.Errorf("it broke off after %d bytes: %w", len(b), err)
	}
	if tag := resp.Header.Get("ETag"); tag != "" {
		return Fetched{b, "etag:" + tag}, nil
	}
	return newer(b, mark)
}

// plain takes the URL out of an error: its query may be a secret.
func plain(err error) error {
	if e := new(url.Error); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// retryAfter is the time that a busy server asks for, an hour at most.
func retryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := resp.Header.Get("Retry-After")
	after := time.Duration(0)
	if n, err := strconv.Atoi(text); err == nil {
		after = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(text); err == nil {
		after = time.Until(t)
	}
	return max(0, min(after, time.Hour))
}

// newTransport trusts the system's certificates and those of a file, and
// speaks in clear text with this machine only.
func newTransport(ca string) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("its CA: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("its CA: %s holds no certificate", ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return encrypted{t}, nil
}

// encrypted refuses clear text to other machines.
type encrypted struct{ next http.RoundTripper }

func (e encrypted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !Loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s is asked for in clear text: only https is spoken with other machines", r.URL.Host)
	}
	return e.next.RoundTrip(r)
}

// Loopback tells whether host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
