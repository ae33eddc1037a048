package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var quiet = slog.New(slog.DiscardHandler)

// clock is a time that the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func open(t *testing.T, cfg Config) *Authority {
	t.Helper()
	if cfg.Names == nil {
		cfg.Names = []string{"localhost", "127.0.0.1", "::1", "sallyport-webhook.sallyport.svc"}
	}
	cfg.Logger = quiet
	a, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shake does a real TLS handshake as a cluster that trusts bundle would, at
// the time now, and returns the serial number that it was shown.
func shake(t *testing.T, a *Authority, bundle []byte, name string, now time.Time) (string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		t.Fatal("the bundle holds no certificate")
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", a.TLS())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.(*tls.Conn).HandshakeContext(t.Context())
	}()
	defer func() { _ = ln.Close(); <-ended }()
	client, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name, Time: func() time.Time { return now }})
	if err != nil {
		return "", err
	}
	defer client.Close()
	return client.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "webhook")
	registry := prometheus.NewPedanticRegistry()
	a := open(t, Config{Dir: dir, Metrics: registry})
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "sallyport-webhook.sallyport.svc"} {
		if _, err := shake(t, a, a.Bundle(), name, time.Now()); err != nil {
			t.Errorf("a cluster that calls it %s: %v", name, err)
		}
	}
	if _, err := shake(t, a, a.Bundle(), "other.example", time.Now()); err == nil {
		t.Error("the certificate is good for a name that was not configured")
	}
	for name, mode := range map[string]os.FileMode{authorityName: 0o600, leafName: 0o600, bundleName: 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %v", name, info, err, mode)
		}
	}
	published, err := os.ReadFile(a.BundleFile())
	if err != nil || !bytes.Equal(published, a.Bundle()) || strings.Contains(string(published), "PRIVATE") {
		t.Errorf("the published bundle differs, or holds a key: %v", err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 2 || int64(families[1].GetMetric()[0].GetGauge().GetValue()) != a.NotAfter().Unix() {
		t.Fatalf("metrics are %v, %v", families, err)
	}
	for i, want := range []float64{3650, 90} { // authority, leaf
		if m := families[0].GetMetric()[i]; m.GetGauge().GetValue() < want-1 || m.GetGauge().GetValue() > want {
			t.Errorf("days left: %v, want %g", m, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestRestartKeepsTheCertificates(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Config{Dir: dir})
	before, err := shake(t, a, a.Bundle(), "localhost", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, Config{Dir: dir})
	after, err := shake(t, b, a.Bundle(), "localhost", time.Now())
	if err != nil || after != before {
		t.Errorf("after a restart another certificate is shown (%v)", err)
	}
	renamed := open(t, Config{Dir: dir, Names: []string{"gate.example"}})
	if _, err := shake(t, renamed, a.Bundle(), "gate.example", time.Now()); err != nil {
		t.Errorf("a new name under the old authority: %v", err)
	}
	if err := os.Remove(a.BundleFile()); err != nil {
		t.Fatal(err)
	}
	if err := renamed.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if published, err := os.ReadFile(a.BundleFile()); err != nil || !bytes.Equal(published, a.Bundle()) {
		t.Errorf("a removed bundle is not published again: %v", err)
	}
}

// A cluster that takes over the published bundle at least once in every overlap
// never sees a certificate that it does not trust, for thirty years, or for three
// days with lives of minutes.
func TestRotationNeverLocksOutACluster(t *testing.T) {
	t.Run("usual lives", func(t *testing.T) { rotates(t, day) })
	t.Run("short lives", func(t *testing.T) { rotates(t, 20*time.Second) })
}

// rotates is thirty years of the usual lives, in which a day is as long as unit.
func rotates(t *testing.T, unit time.Duration) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &clock{start}
	a := open(t, Config{Dir: t.TempDir(), Now: c.Now, AuthorityLife: 3650 * unit, LeafLife: 90 * unit, Overlap: 7 * unit})
	trusted := a.Bundle()
	taken := start
	leaves, bundles, most := map[string]bool{}, map[string]bool{}, 0
	for ; c.now.Before(start.Add(30 * 365 * unit)); c.now = c.now.Add(2 * unit) {
		if err := a.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(trusted)
		leaf, err := a.TLS().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost", CurrentTime: c.now}); err != nil {
			t.Fatalf("on %s, with the bundle of %s: %v", c.now.Format(time.DateTime), taken.Format(time.DateTime), err)
		}
		if left := a.NotAfter().Sub(c.now); left < 20*unit {
			t.Fatalf("on %s the certificate has %v left", c.now.Format(time.DateTime), left)
		}
		leaves[leaf.Leaf.SerialNumber.String()] = true
		bundles[string(a.Bundle())] = true
		most = max(most, bytes.Count(a.Bundle(), []byte("BEGIN")))
		if c.now.Sub(taken) >= 6*unit {
			trusted, taken = a.Bundle(), c.now
		}
	}
	if len(leaves) < 150 || len(leaves) > 250 || len(bundles) < 4 || len(bundles) > 20 || most != 2 {
		t.Errorf("in thirty years %d certificates, %d bundles, at most %d authorities at once", len(leaves), len(bundles), most)
	}
}

func TestALongAbsenceHeals(t *testing.T) {
	dir := t.TempDir()
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	a := open(t, Config{Dir: dir, Now: c.Now})
	c.now = c.now.Add(200 * day) // the leaf ended, the authority did not
	b := open(t, Config{Dir: dir, Now: c.Now})
	if _, err := shake(t, b, a.Bundle(), "localhost", c.now); err != nil {
		t.Errorf("after 200 days: %v", err)
	}
	c.now = c.now.Add(11 * 365 * day) // both ended
	d := open(t, Config{Dir: dir, Now: c.Now})
	if _, err := shake(t, d, d.Bundle(), "localhost", c.now); err != nil {
		t.Errorf("after eleven years, with the new bundle: %v", err)
	}
}

func TestConnectionsSeeNewCertificates(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Config{Dir: dir})
	ln, err := tls.Listen("tcp", "127.0.0.1:0", a.TLS())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	defer func() { _ = server.Close(); <-ended }()
	seen := func() string {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(a.Bundle())
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := seen()
	if err := os.Remove(filepath.Join(dir, leafName)); err != nil {
		t.Fatal(err)
	}
	if err := a.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := seen(); after == before {
		t.Error("the listener shows the old certificate")
	}
}

func TestDamagedFilesAreNotReplaced(t *testing.T) {
	for _, name := range []string{authorityName, leafName} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a := open(t, Config{Dir: dir})
			bundle := a.Bundle()
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := a.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), name) {
				t.Errorf("Refresh = %v, want an error that names %s", err, file)
			}
			if _, err := shake(t, a, bundle, "localhost", time.Now()); err != nil {
				t.Errorf("what was in force is no more: %v", err)
			}
			if b, _ := os.ReadFile(file); string(b) != "nonsense" {
				t.Error("the file was replaced")
			}
		})
	}
}

func TestMixedUpKeyIsSaid(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	open(t, Config{Dir: one})
	open(t, Config{Dir: two})
	a, _ := os.ReadFile(filepath.Join(one, leafName))
	b, _ := os.ReadFile(filepath.Join(two, leafName))
	key, _, _ := strings.Cut(string(a), "-----BEGIN CERT")
	_, cert, _ := strings.Cut(string(b), "-----BEGIN CERT")
	if _, err := parsePair([]byte(key + "-----BEGIN CERT" + cert)); err == nil || !strings.Contains(err.Error(), "belong together") {
		t.Errorf("parsePair = %v", err)
	}
}

func TestBadSettings(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":                       {Names: []string{"localhost"}},
		"no names":                        {Dir: t.TempDir()},
		"a name with a port":              {Dir: t.TempDir(), Names: []string{"localhost:9443"}},
		"a URL":                           {Dir: t.TempDir(), Names: []string{"https://gate.example"}},
		"a leaf that outlives its issuer": {Dir: t.TempDir(), Names: []string{"localhost"}, LeafLife: 3000 * day},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(t.Context(), cfg); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func FuzzParsePair(f *testing.F) {
	dir := f.TempDir()
	a, err := Open(context.Background(), Config{Dir: dir, Names: []string{"localhost"}, Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, authorityName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(a.Bundle())
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add(bytes.Replace(good, []byte("PRIVATE"), []byte("EC PRIVATE"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePair(b)
		if err == nil && (p.key == nil || len(p.certs) == 0) {
			t.Error("a pair without key or certificate was accepted")
		}
	})
}
