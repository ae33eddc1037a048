package proxy

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// TestChildKnownToTheClient asks for an index and then for blobs of its child,
// as an engine does that has the child's manifest already.
func TestChildKnownToTheClient(t *testing.T) {
	s := newSite(t, disk(t))
	img, err := random.Image(3000, 2)
	if err != nil {
		t.Fatal(err)
	}
	inner := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})
	s.origin.Push(t, "team/multi:1.0", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: inner}))
	p := describe(t, img)
	if a := s.ask("GET", path("team/multi/blobs/%s", p.config)); a.status != 404 {
		t.Errorf("a blob of an image that nobody asked for: %d", a.status)
	}
	if a := s.ask("GET", path("team/multi/manifests/1.0")); a.status != 200 {
		t.Fatalf("the index: %d %s", a.status, a.body)
	}
	for _, blob := range append(p.layers, p.config) {
		if a := s.ask("GET", path("team/multi/blobs/%s", blob)); a.status != 200 {
			t.Errorf("a blob of the child: %d %s", a.status, a.body)
		}
	}
	s.origin.Forget()
	for range 3 {
		if a := s.ask("GET", path("team/multi/blobs/sha256:%064x", 1)); a.status != 404 {
			t.Errorf("a blob that nothing names: %d", a.status)
		}
	}
	if n := s.origin.Asked("GET", "manifests"); n != 0 {
		t.Errorf("unknown blobs caused %d requests for manifests", n)
	}
}

// TestChildDeniedThoughKnown does the same with a child that the gate denies.
func TestChildDeniedThoughKnown(t *testing.T) {
	s := newSite(t, disk(t))
	img, err := random.Image(3000, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.origin.Push(t, "team/multi:1.0", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))
	p := describe(t, img)
	s.gate.deny(p.manifest)
	if a := s.ask("GET", path("team/multi/manifests/1.0")); a.status != 200 {
		t.Fatalf("the index: %d %s", a.status, a.body)
	}
	for _, blob := range append(p.layers, p.config) {
		if a := s.ask("GET", path("team/multi/blobs/%s", blob)); a.status != 403 {
			t.Errorf("a blob of the denied child: %d %s", a.status, a.body)
		}
	}
}
