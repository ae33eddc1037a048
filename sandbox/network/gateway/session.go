package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of what one run may fetch: enough for programs that download their
// parts, too little for a flood or a scan.
const (
	maxRequests  = 1000
	maxHosts     = 64
	perSecond    = 20
	maxAnswer    = 64 << 20 // bytes of a body
	maxHeader    = 64 << 10
	requestLimit = time.Minute
)

// ErrSpent is that a run has used up its requests, hosts or rate.
var ErrSpent = errors.New("this run has used up what may go out")

// Session is what one run fetches. It is safe for concurrent use.
type Session struct {
	gateway   *Gateway
	transport *http.Transport
	pace      *rate.Limiter

	mu       sync.Mutex
	requests int
	hosts    map[string]bool
}

// Session begins a run. Close it.
func (g *Gateway) Session() *Session {
	s := &Session{gateway: g, pace: rate.NewLimiter(perSecond, 2*perSecond), hosts: make(map[string]bool)}
	s.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			t, _ := ctx.Value(targetKey{}).(target)
			return g.Dial(ctx, t.host, t.port)
		},
		// Whom the guest would have trusted is not known here, and what comes is
		// foreign whoever sent it: a server of malware signs for itself.
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}, //nolint:gosec
		DisableKeepAlives:      true,                                                                // a connection is for the target that was checked
		DisableCompression:     true,                                                                // bodies as the guest would have got them
		TLSHandshakeTimeout:    connectLimit,
		ResponseHeaderTimeout:  requestLimit,
		MaxResponseHeaderBytes: maxHeader,
	}
	return s
}

// Close forgets the session's connections.
func (s *Session) Close() { s.transport.CloseIdleConnections() }

type targetKey struct{}

// target is where a request goes, which its URL does not decide: that is the
// guest's claim.
type target struct {
	host string
	port uint16
}

// Fetch sends a request to where the guest's connection went: the name for
// which it got the address, or, without one, the address itself. r has an
// absolute URL and its whole body. Redirections come back as they are.
func (s *Session) Fetch(r *http.Request, name string, to netip.AddrPort) (status int, header http.Header, body []byte, err error) {
	t := target{host: name, port: to.Port()}
	if name == "" {
		t.host = to.Addr().String()
	}
	if err := s.spend(t.host); err != nil {
		return 0, nil, nil, fmt.Errorf("gateway: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), targetKey{}, t), requestLimit)
	defer cancel()
	out := r.Clone(ctx)
	out.RequestURI = ""
	strip(out.Header)
	answer, err := s.transport.RoundTrip(out)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && n > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	if err != nil {
		return 0, nil, nil, fmt.Errorf("gateway: %w", err)
	}
	strip(answer.Header)
	return answer.StatusCode, answer.Header, b.Bytes(), nil
}

// spend counts a request. What is too fast or too much is refused, not delayed.
func (s *Session) spend(host string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests >= maxRequests || !s.hosts[host] && len(s.hosts) >= maxHosts || !s.pace.Allow() {
		return ErrSpent
	}
	s.requests++
	s.hosts[host] = true
	return nil
}

// strip takes away what belongs to a connection. RFC 9110 §7.6.1.
func strip(h http.Header) {
	for _, line := range h.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "Proxy-") || slices.Contains([]string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}, name) {
			h.Del(name)
		}
	}
}
