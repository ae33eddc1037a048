package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/evict"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

// cached is a cache with two images that share a layer, and one of another
// repository.
func cached(t *testing.T, o *objects.Store) *evict.Evictor {
	t.Helper()
	s, err := store.New(t.Context(), inmemory.New(), gatetest.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	e, err := evict.New(evict.Config{Store: s, Objects: o, Size: 1 << 30, Log: gatetest.Quiet})
	if err != nil {
		t.Fatal(err)
	}
	blob := func(content []byte) digest.Digest {
		file := filepath.Join(t.TempDir(), rand.Text())
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d := digest.FromBytes(content)
		if err := s.Adopt(t.Context(), d, file); err != nil {
			t.Fatal(err)
		}
		return d
	}
	shared := blob(bytes.Repeat([]byte("s"), 3<<20))
	for i, name := range []string{"ghcr.io/team/app", "ghcr.io/team/app", "docker.io/library/nginx"} {
		config := blob(fmt.Appendf(nil, `{"n":%d}`, i))
		raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"digest":%q,"size":7},"layers":[{"digest":%q,"size":3145728}]}`, store.OCIManifest, config, shared)
		m, err := store.Parse("", digest.FromBytes(raw), raw)
		if err != nil {
			t.Fatal(err)
		}
		repo := s.Repository(name)
		if err := repo.Add(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if err := repo.SetTag(t.Context(), fmt.Sprintf("1.%d", i), m.Digest); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func TestCache(t *testing.T) {
	serveConsole(t)
	golden(t, "cache-list", must(t, "cache", "list"))
	golden(t, "cache-list-part", must(t, "cache", "list", "app:1.1"))
	golden(t, "cache-pin", must(t, "cache", "pin", "ghcr.io/team/app:1.1", "ghcr.io/team/later:2"))
	golden(t, "cache-pins", must(t, "cache", "pin"))
	golden(t, "cache-show", must(t, "cache", "show", "ghcr.io/team/app:1.1"))
	golden(t, "cache-show-blob", must(t, "cache", "show", digest.FromBytes(bytes.Repeat([]byte("s"), 3<<20)).String()))
	golden(t, "cache-purge-dry", must(t, "cache", "purge", "--all", "--dry-run"))
	golden(t, "cache-purge", must(t, "cache", "purge", "--repository", "ghcr.io/team/app"))
	golden(t, "cache-purge-image", must(t, "cache", "purge", "nginx:1.2"))
	golden(t, "cache-unpin", must(t, "cache", "unpin", "ghcr.io/team/app:1.1"))
	golden(t, "cache-purge-all", must(t, "cache", "purge", "--all"))
	golden(t, "cache-list-empty", must(t, "cache", "list"))

	fails(t, []string{"cache", "purge"}, "--older-than", "--all", "--dry-run")
	fails(t, []string{"cache", "purge", "--all", "nginx"}, "exclude")
	fails(t, []string{"cache", "purge", "nginx:1.2"}, "not in the cache", "docker.io/library/nginx:1.2")
	fails(t, []string{"cache", "purge", "--older-than", "-5s"}, "older_than", "720h")
	fails(t, []string{"cache", "purge", "--repository", "ghcr.io/none"}, "not in the cache", "ghcr.io/none")
	fails(t, []string{"cache", "show", "nginx:1.2"}, "not in the cache")
	fails(t, []string{"cache", "show", digest.FromString("x").String()}, "not in the cache")
	fails(t, []string{"cache", "unpin", "nginx:1.2"}, "not pinned", "cache pin")
}
