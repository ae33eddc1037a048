// Package origin is a registry for tests: go-containerregistry's, over real
// HTTP, which counts what it is asked and can be told to misbehave.
package origin

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Fault answers a request itself (true) or leaves it to the registry.
type Fault func(w http.ResponseWriter, r *http.Request, registry http.Handler) bool

// Origin is one registry. Its methods are safe for concurrent use.
type Origin struct {
	URL  string // http://127.0.0.1:port
	Host string // 127.0.0.1:port

	registry http.Handler
	server   *httptest.Server

	mu    sync.Mutex
	asked []string
	fault Fault
	token string
	user  string
	pass  string
}

// New starts an origin that ends with the test.
func New(t testing.TB) *Origin {
	t.Helper()
	o := &Origin{registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))}
	o.server = httptest.NewServer(o)
	t.Cleanup(o.Stop)
	o.URL = o.server.URL
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.Host = u.Host
	return o
}

// Stop takes the registry down; stopping twice is fine.
func (o *Origin) Stop() {
	o.server.CloseClientConnections()
	o.server.Close()
}

// Break sets what goes wrong from now on; nil for nothing.
func (o *Origin) Break(f Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault = f
}

// RequireToken makes the registry ask for a bearer token, which its token
// service at /token gives out for user and password.
func (o *Origin) RequireToken(user, password string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.user, o.pass, o.token = user, password, "opens-sesame"
}

// Asked counts the requests with this method whose path contains part.
func (o *Origin) Asked(method, part string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, a := range o.asked {
		if m, path, _ := strings.Cut(a, " "); m == method && strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// Forget sets all counts to zero.
func (o *Origin) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = nil
}

// ServeHTTP implements http.Handler.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked = append(o.asked, r.Method+" "+r.URL.Path)
	fault, token, user, pass := o.fault, o.token, o.user, o.pass
	o.mu.Unlock()
	if fault != nil && fault(w, r, o.registry) {
		return
	}
	if token != "" {
		if r.URL.Path == "/token" {
			u, p, _ := r.BasicAuth()
			if u != user || p != pass {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+o.URL+`/token",service="origin"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	o.registry.ServeHTTP(w, r)
}

// Push stores an image or an index under repository:tag and forgets that it
// was asked to. It does not work once a token is required.
func (o *Origin) Push(t testing.TB, repositoryAndTag string, what any) {
	t.Helper()
	ref, err := name.ParseReference(o.Host+"/"+repositoryAndTag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	switch x := what.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, x)
	case v1.Image:
		err = remote.Write(ref, x)
	default:
		t.Fatalf("neither an image nor an index: %T", what)
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Forget()
}

// Put stores raw bytes as the manifest repository:which, without any check
// but the registry's.
func (o *Origin) Put(t testing.TB, repository, which, mediaType string, raw []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, o.URL+"/v2/"+repository+"/manifests/"+which, strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("the origin answered %s to a manifest", resp.Status)
	}
	o.Forget()
}
