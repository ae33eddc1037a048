package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// A gate takes policies from a bundle as its settings say, and /readyz tells
// what keeps it at the last good one.
func TestPoliciesComeFromBundles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "policies.tar.gz")
	a, err := bundle.Build(t.Context(), bundle.Files{"a.yaml": []byte("name: a\nonly_none_root_users: true\n")}, bundle.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, a.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load("", []string{"SALLYPORT_POLICIES_BUNDLES=[{url: " + file + "}]"})
	if err != nil {
		t.Fatal(err)
	}
	store := objects.New(inmemory.New())
	start := func() *parts {
		t.Helper()
		k, err := newKnowledge(t.Context(), cfg, redistest.Embedded(t), store, imagetest.New(), gatetest.Quiet, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		p := &parts{knowledge: k}
		p.ready.Store(true)
		return p
	}
	readiness := func(p *parts) (int, string) {
		w := httptest.NewRecorder()
		p.observability(prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	p := start()
	if e, err := p.knowledge.policies.Get(t.Context(), "a"); err != nil || e.Revision != a.Revision {
		t.Errorf("policy %+v, %v", e, err)
	}
	if code, body := readiness(p); code != 200 || body != "ok\n" {
		t.Errorf("ready: %d %q", code, body)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start()
	if _, err := p.knowledge.policies.Get(t.Context(), "a"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if code, body := readiness(p); code != 200 || !strings.HasPrefix(body, "ok\n") || !strings.Contains(body, file) || !strings.Contains(body, "not a tar.gz") {
		t.Errorf("ready: %d %q", code, body)
	}
}
