package library_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// depot is an HTTPS server of one bundle.
type depot struct {
	*httptest.Server
	ca      string
	archive atomic.Pointer[[]byte]
	asked   atomic.Int32
	fails   atomic.Bool
}

func newDepot(t *testing.T) *depot {
	t.Helper()
	d := &depot{}
	d.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		if d.fails.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		b := *d.archive.Load()
		tag := fmt.Sprintf(`"%p"`, d.archive.Load())
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(d.Close)
	d.ca = filepath.Join(t.TempDir(), "ca.pem")
	writeKey(t, d.ca, "CERTIFICATE", d.Certificate().Raw)
	return d
}

func (d *depot) serve(archive []byte) { d.archive.Store(&archive) }

func (d *depot) config() bundle.Config {
	return bundle.Config{URL: d.URL + "/policies.tar.gz", CA: d.ca, Poll: 10 * time.Millisecond}
}

// archive builds a bundle of one file of documents.
func archive(t *testing.T, yaml, key string) []byte {
	t.Helper()
	a, err := bundle.Build(t.Context(), bundle.Files{"all.yaml": []byte(yaml)}, bundle.Settings{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return a.Bytes
}

func TestBundlesAreFollowed(t *testing.T) {
	d := newDepot(t)
	d.serve(archive(t, "name: a\n---\nname: DTA\nenabled: false\n", ""))
	folder := t.TempDir()
	write(t, folder, "b.yaml", "name: b\n")
	metrics := prometheus.NewRegistry()
	l := open(t, library.Config{Folder: folder, Bundles: []bundle.Config{d.config()}, Objects: objects.New(inmemory.New()), Registerer: metrics})
	run(t, l)
	if names(l) != "DTA Default a b" {
		t.Fatalf("policies: %s", names(l))
	}
	e, err := l.Get("a")
	if err != nil || e.Shelf != library.Bundle || e.Place != d.URL+"/policies.tar.gz: all.yaml" || e.Revision == "" {
		t.Errorf("a: %+v, %v", e, err)
	}
	if e, _ := l.Get("DTA"); e.Shelf != library.Bundle || e.Document.Enabled {
		t.Errorf("the bundle does not stand in the place of the built-in policy: %+v", e)
	}
	if err := l.Apply(t.Context(), document.New("a")); err == nil || !strings.Contains(err.Error(), d.URL) {
		t.Errorf("applying what a bundle holds: %v", err)
	}
	if err := l.Delete(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), d.URL) {
		t.Errorf("deleting what a bundle holds: %v", err)
	}
	before := d.asked.Load()
	eventually(t, "it is polled", func() bool { return d.asked.Load() > before+3 })
	d.serve(archive(t, "name: a2\n", ""))
	eventually(t, "the new bundle is in force", func() bool { return names(l) == "DTA Default a2 b" })

	for what, faulty := range map[string][]byte{
		"damaged":          archive(t, "name: a3\n", "")[:100],
		"no policies":      []byte("<html>"),
		"does not compile": badArchive(t),
		"a name twice":     archive(t, "name: b\n", ""),
	} {
		good := l.Current()
		d.serve(faulty)
		eventually(t, what+": it is reported", func() bool { return l.Sources()[1].Fault != "" })
		if l.Current() != good || l.Sources()[1].Policies != 1 {
			t.Errorf("%s: the last good bundle is not in force", what)
		}
		if fault := l.Sources()[1].Fault; what == "a name twice" && (!strings.Contains(fault, "b.yaml") || !strings.Contains(fault, d.URL)) {
			t.Errorf("the same name twice: %s", fault)
		}
		d.serve(archive(t, "name: a2\n", ""))
		eventually(t, what+": it is mended", func() bool { return l.Sources()[1].Fault == "" })
	}
	d.fails.Store(true)
	eventually(t, "a fault of the server is reported", func() bool { return strings.Contains(l.Sources()[1].Fault, "500") })
	if labelled(t, metrics, "sallyport_policies_bundle_failing", "bundle", d.URL+"/policies.tar.gz") != 1 ||
		labelled(t, metrics, "sallyport_policies_bundle_looks_total", "result", "unchanged") < 1 {
		t.Error("metrics do not say so")
	}
	d.fails.Store(false)
	eventually(t, "it is back", func() bool { return l.Sources()[1].Fault == "" })

	// A fault of the folder is no obstacle to a new bundle.
	write(t, folder, "b.yaml", "name: b\ndta_enabled: perhaps\n")
	if err := l.Reload(t.Context()); err == nil || l.Sources()[0].Fault == "" {
		t.Errorf("a faulty folder: %v", err)
	}
	d.serve(archive(t, "name: a4\n", ""))
	eventually(t, "the new bundle is in force", func() bool { return names(l) == "DTA Default a4 b" })
}

func TestARestartWithoutTheNetworkKeepsTheBundle(t *testing.T) {
	d := newDepot(t)
	d.serve(archive(t, "name: a\n", ""))
	storage := objects.New(inmemory.New())
	first := open(t, library.Config{Bundles: []bundle.Config{d.config()}, Objects: storage})
	d.serve(archive(t, "name: a2\n", ""))
	d.fails.Store(true)
	cfg := library.Config{Bundles: []bundle.Config{d.config()}, Objects: storage}
	second := open(t, cfg)
	if names(second) != "DTA Default a" || second.Current().Generation() != first.Current().Generation() {
		t.Errorf("after the restart: %s", names(second))
	}
	if s := second.Sources()[0]; s.Policies != 1 || s.Fetched.IsZero() || !strings.Contains(s.Fault, "500") {
		t.Errorf("source %+v", s)
	}
	run(t, second)
	d.fails.Store(false)
	eventually(t, "the network is back", func() bool { return names(second) == "DTA Default a2" && second.Sources()[0].Fault == "" })
	d.Close()
	if third := open(t, cfg); names(third) != "DTA Default a2" {
		t.Errorf("after the next restart: %s", names(third))
	}
	// What was kept is not believed more than what is fetched.
	keys, err := storage.List(t.Context(), "bundles")
	if err != nil || len(keys) != 1 {
		t.Fatalf("kept: %v, %v", keys, err)
	}
	if err := storage.Put(t.Context(), keys[0], []byte(`{"archive":"AAAA"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), d.URL) || !strings.Contains(err.Error(), "none was kept") {
		t.Errorf("a start with nothing to decide by: %v", err)
	}
}

// What was kept and what the folder holds by now may clash, where what is at
// the bundle's place does not.
func TestAPolicyMovesFromABundleToTheFolder(t *testing.T) {
	d := newDepot(t)
	d.serve(archive(t, "name: a\n---\nname: moves\n", ""))
	cfg := library.Config{Bundles: []bundle.Config{d.config()}, Objects: objects.New(inmemory.New())}
	open(t, cfg)
	d.serve(archive(t, "name: a\n", ""))
	cfg.Folder = t.TempDir()
	write(t, cfg.Folder, "moves.yaml", "name: moves\n")
	l := open(t, cfg)
	if e, err := l.Get("moves"); err != nil || e.Shelf != library.Folder || names(l) != "DTA Default a moves" {
		t.Errorf("policies %s; %+v, %v", names(l), e, err)
	}
}

func TestTheSameNameInTwoBundles(t *testing.T) {
	one, two := newDepot(t), newDepot(t)
	one.serve(archive(t, "name: same\n", ""))
	two.serve(archive(t, "name: same\n", ""))
	_, err := library.Open(t.Context(), library.Config{Bundles: []bundle.Config{one.config(), two.config()}})
	if err == nil || !strings.Contains(err.Error(), one.URL) || !strings.Contains(err.Error(), two.URL) {
		t.Errorf("error %v", err)
	}
	kept := objects.New(inmemory.New())
	if err := kept.Put(t.Context(), "policies/same.json", []byte(`{"name":"same"}`)); err != nil {
		t.Fatal(err)
	}
	_, err = library.Open(t.Context(), library.Config{Bundles: []bundle.Config{one.config()}, Objects: kept})
	if err == nil || !strings.Contains(err.Error(), one.URL) || !strings.Contains(err.Error(), "policies/same.json") {
		t.Errorf("error %v", err)
	}
}

func TestSigningKeysAreRotated(t *testing.T) {
	folder := t.TempDir()
	oldKey, oldPublic := signingKey(t)
	newKey, newPublic := signingKey(t)
	trusted := filepath.Join(folder, "trusted.pem")
	trust := func(publics ...string) {
		t.Helper()
		write(t, folder, "trusted.pem", strings.Join(publics, ""))
	}
	trust(oldPublic)
	d := newDepot(t)
	d.serve(archive(t, "name: a1\n", oldKey))
	cfg := d.config()
	cfg.Keys.Key = trusted
	storage := objects.New(inmemory.New())
	l := open(t, library.Config{Bundles: []bundle.Config{cfg}, Objects: storage})
	run(t, l)
	refused := func(what string, b []byte) {
		t.Helper()
		before := names(l)
		d.serve(b)
		eventually(t, what+" is refused", func() bool { return strings.Contains(l.Sources()[0].Fault, bundle.ErrSignature.Error()) })
		if names(l) != before {
			t.Errorf("%s is in force", what)
		}
	}
	refused("an unsigned bundle", archive(t, "name: unsigned\n", ""))
	next := archive(t, "name: a2\n", newKey)
	refused("one signed by a key that is not known yet", next)
	trust(oldPublic, newPublic)
	eventually(t, "the new key is trusted", func() bool { return names(l) == "DTA Default a2" })
	trust(newPublic)
	refused("one signed by the old key", archive(t, "name: a3\n", oldKey))
	if names(l) != "DTA Default a2" {
		t.Errorf("policies %s", names(l))
	}
	// What was kept must be signed by a key that is trusted at the start.
	// Nothing that the old key signed may be fetched once it is trusted again.
	d.fails.Store(true)
	eventually(t, "the bundle cannot be fetched", func() bool { return strings.Contains(l.Sources()[0].Fault, "500") })
	trust(oldPublic)
	if _, err := library.Open(t.Context(), library.Config{Bundles: []bundle.Config{cfg}, Objects: storage}); err == nil {
		t.Error("a bundle that nobody trusts any more is restored")
	}
}

// badArchive holds a policy whose custom check is missing.
func badArchive(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	const text = "name: a3\ncustom_checks_enabled: true\ncustom_checks: [{path: gone.rego}]\n"
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a.yaml", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func signingKey(t *testing.T) (file, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	writeKey(t, file, "EC PRIVATE KEY", b)
	return file, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p}))
}

func writeKey(t *testing.T, file, kind string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func labelled(t *testing.T, r *prometheus.Registry, name, label, value string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == label && l.GetValue() == value {
					return m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}
