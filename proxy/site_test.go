package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/redisconn"
	"github.com/sallyport-dev/sallyport/internal/storagetest"
	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
	"github.com/sallyport-dev/sallyport/verdict"
)

// doorman is a gate that is told what to answer; everything else of these
// tests is real.
type doorman struct {
	mu      sync.Mutex
	answers map[digest.Digest]gate.Decision
	fault   error
	asked   []gate.Request
	changed chan struct{}
}

func (g *doorman) say(d digest.Digest, a gate.Decision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[d] = a
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *doorman) deny(d digest.Digest) {
	g.say(d, gate.Decision{
		Action: gate.Deny, ID: "d-" + d.Encoded()[:8], Message: "policy DTA denies it: reverse shell to 203.0.113.9",
		Policy: "DTA", Control: "dta", Finding: &verdict.Finding{Slug: "reverse-shell", Name: "Reverse shell"},
	})
}

func (g *doorman) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = err
}

func (g *doorman) Decide(_ context.Context, req gate.Request) (gate.Decision, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, req)
	return g.decision(req)
}

func (g *doorman) decision(req gate.Request) (gate.Decision, error) {
	if g.fault != nil {
		return gate.Decision{}, g.fault
	}
	d, ok := g.answers[req.Reference.Digest]
	if !ok {
		d = gate.Decision{Action: gate.Allow, ID: "allowed"}
	}
	d.Reference = req.Reference
	return d, nil
}

func (g *doorman) Await(ctx context.Context, req gate.Request) (gate.Decision, error) {
	for {
		g.mu.Lock()
		d, err := g.decision(req)
		changed := g.changed
		g.mu.Unlock()
		if err != nil || d.Action != gate.Wait {
			return d, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return d, nil
		}
	}
}

// site is a proxy on a real upstream and a real store.
type site struct {
	t       testing.TB
	origin  *origin.Origin
	gate    *doorman
	content *Content
	metrics *prometheus.Registry
	driver  driver.StorageDriver
	proxy   *Proxy
	server  *httptest.Server
	host    string // of the gate
	cfg     Config

	grants    tokens
	artifacts attachments
}

type tokens map[string]image.Reference

func (g tokens) Check(token string) (image.Reference, bool) { ref, ok := g[token]; return ref, ok }

type attachments map[digest.Digest][]verdict.Artifact

func (a attachments) Artifacts(_ context.Context, subject digest.Digest) ([]verdict.Artifact, error) {
	return a[subject], nil
}

// upstreamName is what the tests' origin is called.
const upstreamName = "registry.test"

func newSite(t testing.TB, d driver.StorageDriver, set ...func(*Config)) *site {
	t.Helper()
	s := &site{
		t: t, origin: origin.New(t), driver: d, grants: tokens{}, artifacts: attachments{},
		gate: &doorman{answers: map[digest.Digest]gate.Decision{}, changed: make(chan struct{})},
	}
	s.cfg = Config{
		Upstreams: []Upstream{{Registry: upstreamName, Endpoints: []string{s.origin.URL}}},
		FillDir:   "", Logger: slog.New(slog.DiscardHandler), TagFreshness: time.Minute,
	}
	for _, f := range set {
		f(&s.cfg)
	}
	s.open()
	t.Cleanup(func() { s.close() })
	return s
}

// open starts the proxy; again after close it is a restart on the same storage.
func (s *site) open() {
	s.t.Helper()
	s.metrics = prometheus.NewRegistry()
	s.cfg.Metrics = s.metrics
	var err error
	if s.content, err = NewContent(s.cfg, s.driver); err != nil {
		s.t.Fatal(err)
	}
	if s.proxy, err = New(s.content, s.gate, s.grants, s.artifacts); err != nil {
		s.t.Fatal(err)
	}
	s.server = httptest.NewServer(s.proxy.Handler())
	s.host = strings.TrimPrefix(s.server.URL, "http://")
}

func (s *site) close() {
	s.server.Close()
	if err := s.content.Close(); err != nil {
		s.t.Error(err)
	}
}

func disk(t testing.TB) driver.StorageDriver {
	t.Helper()
	return filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
}

// drivers runs a test on files of this machine and on objects elsewhere.
func drivers(t *testing.T, test func(t *testing.T, d driver.StorageDriver)) {
	t.Run("filesystem", func(t *testing.T) { test(t, disk(t)) })
	t.Run("inmemory", func(t *testing.T) { test(t, inmemory.New()) })
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the connection, before or within the answer
	errors []struct {
		Code, Message string
		Detail        map[string]any
	}
}

func (a answer) code() string {
	if len(a.errors) == 0 {
		return ""
	}
	return a.errors[0].Code
}

func (a answer) message() string {
	if len(a.errors) == 0 {
		return ""
	}
	return a.errors[0].Message
}

// ask sends one request; headers are "Name: value".
func (s *site) ask(method, path string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	// No client's redirects or retries.
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(resp.Body)
	if strings.Contains(resp.Header.Get("Content-Type"), "application/json") {
		var doc struct {
			Errors json.RawMessage `json:"errors"`
		}
		if json.Unmarshal(a.body, &doc) == nil && doc.Errors != nil {
			if err := json.Unmarshal(doc.Errors, &a.errors); err != nil {
				s.t.Errorf("%s %s: errors of another shape: %s", method, path, a.body)
			}
		}
	}
	return a
}

// path is an address below /v2/ of the tests' upstream.
func path(format string, args ...any) string {
	return "/v2/" + upstreamName + "/" + fmt.Sprintf(format, args...)
}

// pushed stores a random image at the origin and tells its digests.
type pushed struct {
	img      v1.Image
	manifest digest.Digest
	config   digest.Digest
	layers   []digest.Digest
}

func (s *site) push(where string, layerSize int64) pushed {
	s.t.Helper()
	return pushTo(s.t, s.origin, where, layerSize)
}

func pushTo(t testing.TB, o *origin.Origin, where string, layerSize int64) pushed {
	t.Helper()
	img, err := random.Image(layerSize, 2)
	if err != nil {
		t.Fatal(err)
	}
	o.Push(t, where, img)
	return describe(t, img)
}

func describe(t testing.TB, img v1.Image) pushed {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	p := pushed{img: img, manifest: digest.Digest(d.String()), config: digest.Digest(m.Config.Digest.String())}
	for _, l := range m.Layers {
		p.layers = append(p.layers, digest.Digest(l.Digest.String()))
	}
	return p
}

// checkStore fails unless every stored blob is what its digest says and
// nothing half-written is left.
func (s *site) checkStore() {
	s.t.Helper()
	storagetest.Audit(s.t, s.driver)
}

// newReplica is a process's proxy on a folder that others share. When it is
// silent for ttl, another takes over what it fetches.
func newReplica(t testing.TB, dir, upstream, redisURL string, ttl time.Duration) *site {
	t.Helper()
	client, end, _, err := redisconn.Connect(context.Background(), redisURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	s := &site{
		t: t, driver: filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100}),
		grants: tokens{}, artifacts: attachments{},
		gate: &doorman{answers: map[digest.Digest]gate.Decision{}, changed: make(chan struct{})},
		cfg: Config{
			Upstreams: []Upstream{{Registry: upstreamName, Endpoints: []string{upstream}}},
			Logger:    slog.New(slog.DiscardHandler), Redis: client, claimTTL: ttl,
		},
	}
	s.open()
	t.Cleanup(s.close)
	return s
}

// eventually waits for what happens behind the answer.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
