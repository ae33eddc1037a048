package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"
)

// shelf is a store that replicas share, with optimistic concurrency as in a
// cluster.
type shelf struct {
	mu      sync.Mutex
	files   Files
	version int
	between func() // called between reading and writing, once
	lost    int    // updates that somebody else overtook
}

func (s *shelf) Update(_ context.Context, change func(Files) (Files, error)) error {
	for {
		s.mu.Lock()
		kept, version := maps.Clone(s.files), s.version
		between := s.between
		s.between = nil
		s.mu.Unlock()
		next, err := change(kept)
		if err != nil || next == nil {
			return err
		}
		if between != nil {
			between()
		}
		s.mu.Lock()
		won := s.version == version
		if won {
			s.files, s.version = next, version+1
		} else {
			s.lost++
		}
		s.mu.Unlock()
		if won {
			return nil
		}
	}
}

// trusting is a cluster that trusts what was published last, a while later.
type trusting struct {
	clock   *clock
	fails   bool
	bundle  []byte // that API servers trust
	next    []byte
	changes time.Time // when they notice next
}

const notice = 5 * time.Minute // longer than any API server takes

func (c *trusting) Publish(_ context.Context, bundle []byte) error {
	if c.fails {
		return errors.New("the API server is away")
	}
	if !bytes.Equal(bundle, c.next) {
		c.next, c.changes = bundle, c.clock.now.Add(notice)
	}
	return nil
}

func (c *trusting) trusts() []byte {
	if c.bundle == nil || !c.clock.now.Before(c.changes) {
		c.bundle = c.next
	}
	return c.bundle
}

// Three replicas share certificates and publish them themselves. Each refreshes
// at its own time, and for months the API server cannot be told anything: no
// handshake with any of them ever fails.
func TestReplicasRotateWithoutALostHandshake(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &clock{start}
	store, cluster := &shelf{}, &trusting{clock: c}
	cfg := Config{
		Store: store, Publisher: cluster, Names: []string{"localhost"}, Now: c.Now,
		AuthorityLife: 300 * day, LeafLife: 60 * day, Overlap: time.Hour,
	}
	var replicas []*Authority
	for range 3 {
		replicas = append(replicas, open(t, cfg))
	}
	leaves, most := map[string]bool{}, 0
	for step := 0; c.now.Before(start.Add(3 * 365 * day)); step++ {
		c.now = c.now.Add(13 * time.Hour)
		// From day 150 to 260 nothing can be published; the authority is due on day 200.
		cluster.fails = c.now.After(start.Add(150*day)) && c.now.Before(start.Add(260*day))
		turn := replicas[step%3]
		if err := turn.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := turn.publish(t.Context()); (err != nil) != cluster.fails {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(cluster.trusts())
		for i, r := range replicas {
			leaf, err := r.TLS().GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost", CurrentTime: c.now}); err != nil {
				t.Fatalf("on %s at replica %d: %v", c.now.Format(time.DateTime), i, err)
			}
			leaves[leaf.Leaf.SerialNumber.String()] = true
		}
		most = max(most, bytes.Count(turn.Bundle(), []byte("BEGIN")))
	}
	if len(leaves) < 20 || most != 2 {
		t.Errorf("in three years %d certificates, at most %d authorities at once", len(leaves), most)
	}
}

func TestReplicasThatStartTogetherShareOneAuthority(t *testing.T) {
	store := &shelf{}
	var other *Authority
	store.between = func() { other = open(t, Config{Store: store}) }
	one := open(t, Config{Store: store})
	if store.lost != 1 {
		t.Errorf("%d updates were overtaken", store.lost)
	}
	if !bytes.Equal(one.Bundle(), other.Bundle()) {
		t.Error("two authorities")
	}
	if _, err := shake(t, one, other.Bundle(), "localhost", time.Now()); err != nil {
		t.Error(err)
	}
	if one.BundleFile() != "" {
		t.Errorf("the bundle is said to be in the file %q", one.BundleFile())
	}
}

// With lives of minutes, as tests of whole clusters have them, nothing is
// renewed more often than with lives of years.
func TestShortLivesAreRenewedNoMoreOftenThanLongOnes(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	a := open(t, Config{
		Store: &shelf{}, Publisher: &trusting{clock: c}, Now: c.Now,
		AuthorityLife: 60 * time.Second, LeafLife: 15 * time.Second, Overlap: 3 * time.Second,
	})
	leaves, bundles := map[string]bool{}, map[string]bool{}
	for range 600 { // ten minutes
		c.now = c.now.Add(time.Second)
		if err := a.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		leaves[a.current.Load().leaf.certs[0].SerialNumber.String()] = true
		bundles[a.current.Load().newest()] = true
	}
	if len(leaves) > 80 || len(leaves) < 50 || len(bundles) > 17 || len(bundles) < 12 {
		t.Errorf("in ten minutes %d certificates of %d authorities", len(leaves), len(bundles))
	}
}

// A name that is added while a new authority is not published yet is served at
// once, signed by the one before.
func TestANewNameDoesNotWaitForTheNewAuthority(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	store, cluster := &shelf{}, &trusting{clock: c}
	cfg := Config{Store: store, Publisher: cluster, Names: []string{"localhost"}, Now: c.Now}
	a := open(t, cfg)
	trusted := a.Bundle()
	c.now = c.now.Add(2500 * day)
	if err := a.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Bundle(), trusted) {
		t.Fatal("the authority was not renewed")
	}
	cfg.Names = []string{"localhost", "gate.example"}
	renamed := open(t, cfg)
	if _, err := shake(t, renamed, trusted, "gate.example", c.now); err != nil {
		t.Error(err)
	}
}

func TestReadyOncePublished(t *testing.T) {
	c := &clock{time.Now()}
	cluster := &trusting{clock: c, fails: true}
	a := open(t, Config{Store: &shelf{}, Publisher: cluster, Now: c.Now})
	if err := a.publish(t.Context()); err == nil || a.Published() {
		t.Errorf("%v, published %v", err, a.Published())
	}
	cluster.fails = false
	if err := a.publish(t.Context()); err != nil || !a.Published() {
		t.Errorf("%v, published %v", err, a.Published())
	}
	if !open(t, Config{Dir: t.TempDir()}).Published() {
		t.Error("without a publisher nothing is waited for")
	}
}
