package store

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"
)

func TestRecentIsBounded(t *testing.T) {
	r, err := newRecent()
	if err != nil {
		t.Fatal(err)
	}
	add := func(i, length int) digest.Digest {
		raw := make([]byte, length)
		copy(raw, fmt.Sprint(i))
		m := Manifest{Digest: digest.FromBytes(raw), Raw: raw}
		r.add("a.test/b", m)
		r.add("a.test/b", m) // counts once
		return m.Digest
	}
	first := add(0, 1000)
	for i := range 200 {
		add(i+1, 200<<10)
	}
	if _, ok := r.get("a.test/b", first); ok || r.bytes > recentBytes {
		t.Errorf("%d bytes are kept", r.bytes)
	}
	last := add(1000, 1000)
	if _, ok := r.get("a.test/b", last); !ok {
		t.Error("what was just added is gone")
	}
	if _, ok := r.get("a.test/other", last); ok {
		t.Error("another repository has it")
	}
	if huge := add(1001, recentLargest+1); r.lru.Contains(recentKey{"a.test/b", huge}) {
		t.Error("a huge manifest is kept")
	}
	r.lru.Purge()
	if r.bytes != 0 {
		t.Errorf("%d bytes of nothing", r.bytes)
	}
}

// What the repository no longer knows is not given out from memory.
func TestAForgottenManifest(t *testing.T) {
	ctx := t.Context()
	s, err := New(ctx, inmemory.New(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
	m, err := Parse("", digest.FromBytes(raw), raw)
	if err != nil {
		t.Fatal(err)
	}
	repo := s.Repository("a.test/b")
	if err := repo.Add(ctx, m); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := repo.Manifest(ctx, m.Digest); err != nil || string(got.Raw) != string(raw) {
			t.Fatalf("%s, %v", got.Raw, err)
		}
	}
	repo.mu.Lock()
	delete(repo.known, m.Digest)
	repo.mu.Unlock()
	for _, p := range []string{revisionLink("a.test/b", m.Digest), blobPath(m.Digest)} {
		if err := s.driver.Delete(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.Manifest(ctx, m.Digest); err == nil {
		t.Error("it is given out all the same")
	}
}
