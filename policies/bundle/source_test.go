package bundle_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// site is an HTTPS server with one bundle, and its CA's file.
type site struct {
	*httptest.Server
	ca      string
	archive atomic.Pointer[[]byte]
	asked   atomic.Int32
	matched atomic.Int32 // answered 304
	answer  atomic.Pointer[http.HandlerFunc]
}

func newSite(t *testing.T, archive []byte) *site {
	s := &site{}
	s.archive.Store(&archive)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if other := s.answer.Load(); other != nil {
			(*other)(w, r)
			return
		}
		b := *s.archive.Load()
		tag := fmt.Sprintf(`"%x"`, len(b))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			s.matched.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(s.Close)
	s.ca = write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s
}

func (s *site) answers(h http.HandlerFunc) { s.answer.Store(&h) }

func source(t *testing.T, cfg bundle.Config) *bundle.Source {
	t.Helper()
	s, err := bundle.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFetchingByHTTPS(t *testing.T) {
	archive := build(t, bundle.Settings{}).Bytes
	web := newSite(t, archive)
	s := source(t, bundle.Config{URL: web.URL + "/policies.tar.gz", CA: web.ca})
	f, err := s.Fetch(t.Context(), "")
	if err != nil || !bytes.Equal(f.Bytes, archive) || f.Mark == "" {
		t.Fatalf("fetched %d bytes, mark %q, %v", len(f.Bytes), f.Mark, err)
	}
	if _, err := s.Fetch(t.Context(), f.Mark); !errors.Is(err, bundle.ErrUnchanged) || web.matched.Load() != 1 {
		t.Errorf("the same again: %v, %d answered 304", err, web.matched.Load())
	}
	newer := build(t, bundle.Settings{Revision: "another revision"}).Bytes
	web.archive.Store(&newer)
	if f, err = s.Fetch(t.Context(), f.Mark); err != nil || !bytes.Equal(f.Bytes, newer) {
		t.Errorf("a new one: %v", err)
	}
	web.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(newer) })
	if f, err = s.Fetch(t.Context(), f.Mark); err != nil || !strings.HasPrefix(f.Mark, "sha256:") {
		t.Errorf("without entity tag: mark %q, %v", f.Mark, err)
	}
	if _, err := s.Fetch(t.Context(), f.Mark); !errors.Is(err, bundle.ErrUnchanged) {
		t.Errorf("the same bytes without entity tag: %v", err)
	}
}

func TestFaultsOfWebServers(t *testing.T) {
	web := newSite(t, nil)
	elsewhere := newSite(t, build(t, bundle.Settings{}).Bytes)
	clear := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(clear.Close)
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a fault": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusInternalServerError) }, "500 Internal Server Error"},
		"it breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("half"))
		}, "broke off after 4 bytes"},
		"it is slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "longer than 500ms"},
		"it trickles": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, "longer than 500ms"},
		"it says that it is too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(bundle.MaxSize+1))
			w.WriteHeader(http.StatusOK)
		}, "more than 16777216 bytes"},
		"it never ends": {func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 1<<20)
			for range bundle.MaxSize>>20 + 2 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, "more than 16777216 bytes"},
		"it redirects to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusFound)
		}, "redirects to another host"},
		"it redirects to clear text": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
		}, "redirects from https to http"},
		"it redirects in circles": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}, "more than 5 redirects"},
		"304 to whom has nothing": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "304"},
	} {
		t.Run(name, func(t *testing.T) {
			web.answers(test.answer)
			timeout := time.Minute
			if strings.Contains(test.want, "longer than 500ms") {
				timeout = 500 * time.Millisecond
			}
			s := source(t, bundle.Config{URL: web.URL + "/x?secret=1", CA: web.ca, Timeout: timeout, Token: "s3cret"})
			_, err := s.Fetch(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), web.URL) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
	if _, err := source(t, bundle.Config{URL: web.URL}).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	if _, err := source(t, bundle.Config{URL: "http://bundles.example.com/x"}).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "clear text") {
		t.Errorf("clear text: %v", err)
	}
	web.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var retry *bundle.RetryError
	if _, err := source(t, bundle.Config{URL: web.URL, CA: web.ca}).Fetch(t.Context(), ""); !errors.As(err, &retry) || retry.After != 2*time.Minute {
		t.Errorf("busy: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source(t, bundle.Config{URL: web.URL, CA: web.ca}).Fetch(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	archive := build(t, bundle.Settings{}).Bytes
	web := newSite(t, nil)
	var seen atomic.Pointer[string]
	web.answers(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header.Get("Authorization")
		seen.Store(&h)
		_, _ = w.Write(archive)
	})
	for want, cfg := range map[string]bundle.Config{
		"":                       {},
		"Bearer abc":             {Token: "abc"},
		"Basic YWRhOmxvdmVsYWNl": {Username: "ada", Password: "lovelace"},
	} {
		cfg.URL, cfg.CA = web.URL, web.ca
		if _, err := source(t, cfg).Fetch(t.Context(), ""); err != nil || *seen.Load() != want {
			t.Errorf("sent %q, want %q, %v", *seen.Load(), want, err)
		}
	}
}

func TestFetchingAFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "b.tar.gz")
	s := source(t, bundle.Config{URL: file})
	if _, err := s.Fetch(t.Context(), ""); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), file) {
		t.Errorf("no file: %v", err)
	}
	archive := build(t, bundle.Settings{}).Bytes
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := source(t, bundle.Config{URL: "file://" + file}).Fetch(t.Context(), "")
	if err != nil || !bytes.Equal(f.Bytes, archive) {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), f.Mark); !errors.Is(err, bundle.ErrUnchanged) {
		t.Errorf("the same again: %v", err)
	}
	if _, err := source(t, bundle.Config{URL: folder}).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("a folder: %v", err)
	}
	for _, url := range []string{"", "ftp://x/y", "https://", "oci://"} {
		if _, err := bundle.New(bundle.Config{URL: url}); err == nil {
			t.Errorf("%q is taken as a URL", url)
		}
	}
	if _, err := bundle.New(bundle.Config{URL: "https://bundles.example.com", CA: file}); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("a CA that is none: %v", err)
	}
}

func TestPushingAndFetchingByRegistry(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	var manifests atomic.Int32
	reg := registry.New(registry.Logger(quiet))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			manifests.Add(1)
		}
		reg.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	ref := host + "/team/policies:1"
	a := build(t, bundle.Settings{Revision: "one"})
	pushed, err := bundle.Push(t.Context(), ref, a)
	if err != nil || !strings.HasPrefix(pushed, host+"/team/policies@sha256:") {
		t.Fatalf("pushed %s, %v", pushed, err)
	}
	s := source(t, bundle.Config{URL: "oci://" + ref})
	f, err := s.Fetch(t.Context(), "")
	if err != nil || !bytes.Equal(f.Bytes, a.Bytes) || !strings.HasSuffix(pushed, f.Mark) {
		t.Fatalf("fetched %d bytes, mark %s, %v", len(f.Bytes), f.Mark, err)
	}
	before := manifests.Load()
	if _, err := s.Fetch(t.Context(), f.Mark); !errors.Is(err, bundle.ErrUnchanged) || manifests.Load() != before {
		t.Errorf("the same again: %v, after %d more manifests", err, manifests.Load()-before)
	}
	if byDigest, err := source(t, bundle.Config{URL: "oci://" + pushed}).Fetch(t.Context(), ""); err != nil || !bytes.Equal(byDigest.Bytes, a.Bytes) {
		t.Errorf("by digest: %v", err)
	}
	b := build(t, bundle.Settings{Revision: "two"})
	if _, err := bundle.Push(t.Context(), ref, b); err != nil {
		t.Fatal(err)
	}
	if f, err = s.Fetch(t.Context(), f.Mark); err != nil || !bytes.Equal(f.Bytes, b.Bytes) {
		t.Errorf("a new one: %v", err)
	}

	// An index, as some builders push, with an attestation beside the bundle.
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: stranger, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
		mutate.IndexAddendum{Add: img})
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	if f, err = s.Fetch(t.Context(), f.Mark); err != nil || !bytes.Equal(f.Bytes, b.Bytes) {
		t.Errorf("in an index: %v", err)
	}
	if err := remote.Write(tag, stranger); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Fetch(t.Context(), f.Mark); err == nil || !strings.Contains(err.Error(), "no policy bundle") {
		t.Errorf("an image that is none: %v", err)
	}
	if _, err = source(t, bundle.Config{URL: "oci://" + host + "/team/none:1"}).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "team/none") {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := bundle.Push(t.Context(), pushed, a); err == nil || !strings.Contains(err.Error(), "not to a digest") {
		t.Errorf("pushing to a digest: %v", err)
	}
}

// A registry that wants credentials gets those of the settings, or of docker login.
func TestCredentialsOfRegistries(t *testing.T) {
	reg := registry.New(registry.Logger(quiet))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "ada" || password != "lovelace" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reg.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.Start()
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	docker := t.TempDir()
	t.Setenv("DOCKER_CONFIG", docker)
	if err := os.WriteFile(filepath.Join(docker, "config.json"), fmt.Appendf(nil, `{"auths":{%q:{"username":"ada","password":"lovelace"}}}`, host), 0o600); err != nil {
		t.Fatal(err)
	}
	a := build(t, bundle.Settings{})
	if _, err := bundle.Push(t.Context(), host+"/p:1", a); err != nil {
		t.Fatal(err)
	}
	if _, err := source(t, bundle.Config{URL: "oci://" + host + "/p:1"}).Fetch(t.Context(), ""); err != nil {
		t.Errorf("by docker login: %v", err)
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	if _, err := source(t, bundle.Config{URL: "oci://" + host + "/p:1", Username: "ada", Password: "lovelace"}).Fetch(t.Context(), ""); err != nil {
		t.Errorf("by the settings: %v", err)
	}
	if _, err := source(t, bundle.Config{URL: "oci://" + host + "/p:1", Username: "ada", Password: "wrong"}).Fetch(t.Context(), ""); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("by a wrong password: %v", err)
	}
}
