package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Header is on every answer of a gate; its presence tells one from any other
// registry.
const Header = "Sallyport-Gate"

// gate is one name of the gate.
type gate struct {
	scheme string // empty when it was not said
	host   string // host[:port], lower case
}

func parseGate(name string) (gate, error) {
	g := gate{host: name}
	if strings.Contains(name, "://") {
		u, err := url.Parse(name)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return g, fmt.Errorf("--gate %q: write host:port, or a URL of http or https", name)
		}
		g.scheme, g.host = u.Scheme, u.Host
	}
	g.host = strings.ToLower(g.host)
	if u, err := url.Parse("https://" + g.host); g.host == "" || err != nil || u.Host != g.host || u.Path != "" {
		return g, fmt.Errorf("--gate %q: write host:port, or a URL of http or https", name)
	}
	return g, nil
}

// isGate tells whether a source, as an engine's configuration writes it, with
// or without scheme and path, is the gate.
func (e *exam) isGate(source string) bool {
	scheme := ""
	if i := strings.Index(source, "://"); i >= 0 {
		scheme, source = source[:i], source[i+3:]
	}
	host, _, _ := strings.Cut(strings.ToLower(source), "/")
	for _, g := range e.gates {
		if withPort(host, scheme) == withPort(g.host, g.scheme) || host == g.host {
			return true
		}
	}
	return false
}

func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	if scheme == "http" {
		return host + ":80"
	}
	return host + ":443"
}

// GateState is what the gate's address answered.
type GateState struct {
	Address   string `json:"address"`
	Scheme    string `json:"scheme,omitempty"` // in which it answered: https or http
	Reachable bool   `json:"reachable"`
	Gate      bool   `json:"gate"` // it answers as a gate
	Detail    string `json:"detail,omitempty"`
}

// probeTimeout bounds the question to one address.
const probeTimeout = 10 * time.Second

// probe asks the address whether it is a gate. No credentials are sent.
func probe(ctx context.Context, g gate) GateState {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	state := GateState{Address: g.host}
	schemes := []string{"https", "http"}
	if g.scheme != "" {
		schemes = []string{g.scheme}
	}
	var failures []string
	for _, scheme := range schemes {
		resp, err := ask(ctx, scheme+"://"+g.host+"/v2/", false)
		if unknown := (*tls.CertificateVerificationError)(nil); errors.As(err, &unknown) {
			state.Detail = "its certificate is not trusted on this machine: " + certificate(err) + "; engines need its CA, see docs/clients.md"
			resp, err = ask(ctx, scheme+"://"+g.host+"/v2/", true)
		}
		if err != nil {
			failures = append(failures, oneLine(err.Error()))
			continue
		}
		state.Scheme, state.Reachable, state.Gate = scheme, true, resp.Header.Get(Header) != ""
		if !state.Gate {
			state.Detail = fmt.Sprintf("it answers %s, but not as a gate: whatever is pulled there was not judged", resp.Status)
		}
		return state
	}
	state.Detail = "it cannot be reached: " + strings.Join(failures, "; ")
	return state
}

func certificate(err error) string {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return "signed by an unknown authority"
	}
	return errors.Unwrap(err).Error()
}

func ask(ctx context.Context, address string, anybody bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: anybody}, DisableKeepAlives: true}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp, resp.Body.Close()
}
