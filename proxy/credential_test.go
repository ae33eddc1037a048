package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
	"github.com/sallyport-dev/sallyport/verdict"
)

// tenants has the origin show each repository to its own user only: alice/… to
// alice. What is public/… it shows to everybody.
func tenants(users map[string]string) origin.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		repository, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
		user, password, ok := r.BasicAuth()
		if token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer {
			user, password, ok = strings.TrimPrefix(token, "token-of-"), users[strings.TrimPrefix(token, "token-of-")], true
		}
		known := ok && users[user] == password && password != ""
		switch {
		case repository == "public" || known && (repository == user || repository == ""):
			return false
		case known:
			w.WriteHeader(http.StatusNotFound) // it hides what is not theirs
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="origin"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
		return true
	}
}

var users = map[string]string{"alice": "alices-s3cret", "bob": "bobs-s3cret"}

func as(user string) string {
	req, _ := http.NewRequest("GET", "http://x/", nil)
	req.SetBasicAuth(user, users[user])
	return "Authorization: " + req.Header.Get("Authorization")
}

// shared is a site whose upstream takes the clients' credentials.
func shared(t *testing.T, set ...func(*Config)) (*site, *clock, *bytes.Buffer) {
	t.Helper()
	c, log := newClock(), &locked{}
	s := newSite(t, inmemory.New(), append([]func(*Config){c.set, func(cfg *Config) {
		cfg.Upstreams[0].Client = true
		cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}}, set...)...)
	t.Cleanup(func() {
		for _, secret := range users {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log shows a password")
			}
		}
	})
	return s, c, &log.Buffer
}

type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func TestOneTenantSeesNothingOfAnother(t *testing.T) {
	s, later, _ := shared(t)
	p := s.push("alice/app:1.0", 3000)
	s.push("public/app:1.0", 1000)
	report := []byte(`{"schemaVersion":2,"artifactType":"application/vnd.sallyport.report.v1+json"}`)
	s.artifacts[p.manifest] = []verdict.Artifact{{
		MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: "application/vnd.sallyport.report.v1+json",
		Digest: digest.FromBytes(report), Manifest: report,
	}}
	s.origin.Break(tenants(users))

	alices := []string{
		path("alice/app/manifests/1.0"), path("alice/app/manifests/%s", p.manifest),
		path("alice/app/blobs/%s", p.layers[0]), path("alice/app/blobs/%s", p.config),
		path("alice/app/tags/list"), path("alice/app/referrers/%s", p.manifest), path("alice/app/manifests/%s", digest.FromBytes(report)),
	}
	for _, where := range alices {
		if a := s.ask("GET", where, as("alice")); a.status != 200 {
			t.Fatalf("alice, %s: %d %s", where, a.status, a.body)
		}
	}
	// Everything is cached now. Nobody else gets a word of it, nor is the answer
	// another one than for what does not exist.
	for name, header := range map[string]string{"bob": as("bob"), "nobody": "Accept: */*", "a wrong password": "Authorization: Basic " + "YWxpY2U6d3Jvbmc="} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, where := range alices {
				a := s.ask(method, where, header)
				none := s.ask(method, strings.Replace(where, "alice/app", "alice/none", 1), header)
				empty := strings.Contains(where, "/referrers/") && a.status == 200 && (method == "HEAD" || strings.Contains(string(a.body), `"manifests":[]`))
				if a.status < 400 && !empty {
					t.Errorf("%s: %s %s: %d %s", name, method, where, a.status, a.body)
				}
				if a.status != none.status || a.code() != none.code() {
					t.Errorf("%s: %s %s: %d, but %d for what does not exist", name, method, where, a.status, none.status)
				}
				if a.header.Get("Docker-Content-Digest") != "" || a.header.Get(decisionHeader) != "" {
					t.Errorf("%s: %s %s: %v", name, method, where, a.header)
				}
			}
		}
	}
	// Who is nobody is asked to log in, who is refused is not taken for nobody.
	a := s.ask("GET", alices[0])
	if a.status != 401 || a.code() != "UNAUTHORIZED" || !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Basic realm=") || !strings.Contains(a.message(), "log in to this gate") {
		t.Errorf("nobody: %d %v %s", a.status, a.header, a.body)
	}
	if a := s.ask("GET", path("public/app/manifests/1.0")); a.status != 200 {
		t.Errorf("nobody, what is public: %d %s", a.status, a.body)
	}
	// Bytes of one digest are shared, once each tenant proved to have them.
	s.origin.Break(nil)
	s.origin.Push(t, "bob/copy:1.0", p.img)
	s.origin.Break(tenants(users))
	s.origin.Forget()
	for _, where := range []string{path("bob/copy/manifests/1.0"), path("bob/copy/blobs/%s", p.layers[0])} {
		if a := s.ask("GET", where, as("bob")); a.status != 200 {
			t.Errorf("bob, %s: %d %s", where, a.status, a.body)
		}
	}
	if n := s.origin.Asked("GET", "/blobs/"); n != 0 {
		t.Errorf("a blob that is here was fetched %d times again", n)
	}
	// What was proved is believed for a while...
	s.origin.Forget()
	for _, where := range alices[:4] {
		if a := s.ask("GET", where, as("alice")); a.status != 200 {
			t.Errorf("alice again, %s: %d", where, a.status)
		}
	}
	if n := s.origin.Asked("GET", "") + s.origin.Asked("HEAD", ""); n != 0 {
		t.Errorf("upstream was asked %d times again", n)
	}
	// ...and no longer, even if upstream is away.
	later.turn(11 * time.Minute)
	s.origin.Break(tenants(map[string]string{"bob": users["bob"]}))
	for _, where := range alices[:5] {
		if a := s.ask("GET", where, as("alice")); a.status != 401 && a.status != 403 {
			t.Errorf("alice was removed, %s: %d", where, a.status)
		}
	}
	s.origin.Break(status(400))
	for _, where := range alices[:5] {
		if a := s.ask("GET", where, as("alice")); a.status < 400 {
			t.Errorf("upstream is away, %s: %d", where, a.status)
		}
	}
}

func TestClientsCredentialsStayTheirs(t *testing.T) {
	s, _, _ := shared(t)
	s.push("alice/app:1.0", 1000)
	var seen sync.Map
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
		seen.Store(r.Header.Get("Authorization"), true)
		return tenants(users)(w, r, reg)
	})
	// One that is waited for by two tenants is asked for with each one's own.
	var wg sync.WaitGroup
	var codes [2]atomic.Int64
	for range 8 {
		for i, user := range []string{"alice", "bob"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				codes[i].Store(int64(s.ask("GET", path("alice/app/manifests/1.0"), as(user)).status))
			}()
		}
	}
	wg.Wait()
	if codes[0].Load() != 200 || codes[1].Load() != 404 {
		t.Errorf("alice got %d, bob %d", codes[0].Load(), codes[1].Load())
	}
	if a := s.ask("GET", path("alice/app/manifests/1.0"), "Authorization: Bearer token-of-alice"); a.status != 200 {
		t.Errorf("a bearer token of the registry: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", path("alice/app/manifests/1.0"), "Authorization: Digest x"); a.status != 401 {
		t.Errorf("another scheme: %d", a.status)
	}
	if a := s.ask("GET", "/v2/"); a.status != 401 || a.header.Get("Www-Authenticate") == "" {
		t.Errorf("the base without credentials: %d", a.status)
	}
	if a := s.ask("GET", "/v2/", as("alice")); a.status != 200 {
		t.Errorf("the base with credentials: %d", a.status)
	}
	// A client's 429 is that client's.
	s.push2(t, "bob/app:1.0")
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
		if user, _, _ := r.BasicAuth(); user == "alice" {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return tenants(users)(w, r, reg)
	})
	if a := s.ask("GET", path("alice/app/manifests/2.0"), as("alice")); a.status != 429 || a.header.Get("Retry-After") != "60" {
		t.Errorf("alice: %d %v", a.status, a.header)
	}
	if a := s.ask("GET", path("bob/app/manifests/1.0"), as("bob")); a.status != 200 {
		t.Errorf("bob: %d %s", a.status, a.body)
	}
}

// push2 is push while the origin is told to misbehave.
func (s *site) push2(t *testing.T, where string) pushed {
	t.Helper()
	s.origin.Break(nil)
	return s.push(where, 500)
}

func TestTheSandboxGetsWhatAClientWaitsFor(t *testing.T) {
	s, _, _ := shared(t, func(c *Config) { c.Hold = 50 * time.Millisecond })
	p := s.push("alice/app:1.0", 20_000)
	s.origin.Break(tenants(users))
	s.gate.say(p.manifest, gate.Decision{Action: gate.Wait, ID: "w-1", Message: "is being analysed", RetryAfter: time.Second})
	if a := s.ask("GET", path("alice/app/manifests/1.0"), as("alice")); a.status != 429 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, d := range append(p.layers, p.config) {
		eventually(t, "the image that is waited for is fetched", func() bool {
			_, ok := s.content.stored(context.Background(), image.Reference{Registry: upstreamName, Repository: "alice/app"}, d)
			return ok
		})
	}
	ref, err := image.New(upstreamName, "alice/app", p.manifest.String())
	if err != nil {
		t.Fatal(err)
	}
	s.grants["good-token"] = ref
	s.origin.Forget()
	for _, where := range []string{path("alice/app/manifests/%s", p.manifest), path("alice/app/blobs/%s", p.layers[0]), path("alice/app/blobs/%s", p.config)} {
		if a := s.ask("GET", where, "Authorization: Bearer good-token"); a.status != 200 {
			t.Errorf("the sandbox, %s: %d %s", where, a.status, a.body)
		}
	}
	if n := s.origin.Asked("GET", "") + s.origin.Asked("HEAD", ""); n != 0 {
		t.Errorf("the sandbox had upstream asked %d times", n)
	}
}

func TestAbsenceIsRemembered(t *testing.T) {
	c := newClock()
	s := newSite(t, inmemory.New(), c.set)
	missing := path("team/app/manifests/%s", digest.FromString("none"))
	for range 3 {
		for _, where := range []string{path("team/app/manifests/1.0"), missing} {
			if a := s.ask("GET", where); a.status != 404 || a.code() != "MANIFEST_UNKNOWN" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
	}
	if n := s.origin.Asked("GET", "/manifests/"); n != 2 {
		t.Errorf("upstream was asked %d times for two images that it lacks", n)
	}
	p := s.push("team/app:1.0", 100)
	c.turn(11 * time.Second)
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 200 || a.header.Get("Docker-Content-Digest") != p.manifest.String() {
		t.Errorf("it was pushed: %d", a.status)
	}
	// A clock that jumps back makes an absence last no longer.
	s.ask("GET", path("team/app/manifests/2.0"))
	s.push("team/app:2.0", 100)
	c.turn(-time.Hour)
	if a := s.ask("GET", path("team/app/manifests/2.0")); a.status != 200 {
		t.Errorf("after the clock jumped back: %d", a.status)
	}
}

func TestRateLimitIsPassedOn(t *testing.T) {
	c := newClock()
	s := newSite(t, inmemory.New(), c.set)
	cached := s.push("team/cached:1.0", 100)
	s.push("team/app:1.0", 100)
	s.ask("GET", path("team/cached/manifests/1.0"))
	s.origin.Break(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("RateLimit-Limit", "100;w=21600")
		w.Header().Set("RateLimit-Remaining", "0;w=21600")
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	c.turn(2 * time.Minute)
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 429 || a.header.Get("Retry-After") != "90" || a.code() != "TOOMANYREQUESTS" {
		t.Errorf("not cached: %d %v", a.status, a.header)
	}
	s.origin.Forget()
	for range 3 {
		if a := s.ask("GET", path("team/cached/manifests/1.0")); a.status != 200 || a.header.Get("Docker-Content-Digest") != cached.manifest.String() {
			t.Errorf("cached: %d", a.status)
		}
		c.turn(20 * time.Second)
	}
	if n := s.origin.Asked("GET", "") + s.origin.Asked("HEAD", ""); n != 0 {
		t.Errorf("upstream was asked %d times before Retry-After had passed", n)
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			got[f.GetName()] = m.GetGauge().GetValue()
		}
	}
	if got["sallyport_proxy_upstream_ratelimit_limit"] != 100 || got["sallyport_proxy_upstream_ratelimit_remaining"] != 0 || got["sallyport_proxy_upstream_pause_seconds"] != 30 {
		t.Errorf("metrics: %v", got)
	}
}
