package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/store"
)

// slowDriver writes into distribution's layout only after a while, or when it is let.
type slowDriver struct {
	driver.StorageDriver
	wait func()
}

func (d slowDriver) PutContent(ctx context.Context, path string, b []byte) error {
	if strings.HasPrefix(path, "/docker/") {
		d.wait()
	}
	return d.StorageDriver.PutContent(ctx, path, b)
}

func TestFirstPullDoesNotWaitForTheStorage(t *testing.T) {
	held, memory := make(chan struct{}), inmemory.New()
	let := sync.OnceFunc(func() { close(held) })
	s := newSite(t, slowDriver{memory, func() { <-held }})
	t.Cleanup(let) // before the site is closed, which waits
	p := s.push("team/app:1.0", 1000)
	// All of it would hang if anything waited: also what is asked by digest and
	// by tag again, while nothing is stored.
	for _, where := range []string{"team/app/manifests/1.0", "team/app/manifests/1.0", "team/app/manifests/" + p.manifest.String()} {
		if r := s.ask("GET", path("%s", where)); r.status != http.StatusOK || digest.FromBytes(r.body) != p.manifest {
			t.Fatalf("%s: %d %s", where, r.status, r.body)
		}
	}
	if n := s.origin.Asked("GET", "/manifests/"); n != 1 {
		t.Errorf("upstream was asked %d times for one manifest", n)
	}
	if r := s.ask("HEAD", path("team/app/blobs/%s", p.layers[0])); r.status != http.StatusOK {
		t.Errorf("what the manifest names is not known yet: %d", r.status)
	}
	let()
	s.content.allWritten(t.Context())
	// Another process finds all of it.
	other, err := store.New(t.Context(), memory, nil)
	if err != nil {
		t.Fatal(err)
	}
	repo := other.Repository(upstreamName + "/team/app")
	if d, err := repo.Tag(t.Context(), "1.0"); err != nil || d != p.manifest {
		t.Errorf("the tag is stored as %q, %v", d, err)
	}
	if _, err := repo.Manifest(t.Context(), p.manifest); err != nil {
		t.Error(err)
	}
}

// Where other replicas serve from the same storage, they have what a client was
// told when it was told.
func TestSharedStorageHasWhatAClientWasTold(t *testing.T) {
	memory := inmemory.New()
	s := newSite(t, slowDriver{memory, func() { time.Sleep(50 * time.Millisecond) }}, func(c *Config) { c.Shared = true })
	for _, method := range []string{"GET", "HEAD"} {
		name := "team/" + strings.ToLower(method)
		p := s.push(name+":1.0", 1000)
		if r := s.ask(method, path("%s/manifests/1.0", name)); r.status != http.StatusOK {
			t.Fatalf("%s: %d", method, r.status)
		}
		other, err := store.New(t.Context(), memory, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Repository(upstreamName+"/"+name).Manifest(t.Context(), p.manifest); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A tag that moves twice while the storage hangs ends as what it was last.
func TestTagsAreStoredInOrder(t *testing.T) {
	held, memory := make(chan struct{}), inmemory.New()
	let := sync.OnceFunc(func() { close(held) })
	s := newSite(t, slowDriver{memory, func() { <-held }})
	t.Cleanup(let)
	repo := s.content.store.Repository(upstreamName + "/team/app")
	last := digest.FromString("99")
	for i := range 100 {
		d := last
		if i < 99 {
			d = digest.FromString(strings.Repeat("x", i))
		}
		s.content.behind(t.Context(), "team/app:1.0", func(ctx context.Context) {
			if err := repo.SetTag(ctx, "1.0", d); err != nil {
				t.Error(err)
			}
		})
	}
	let()
	s.content.allWritten(t.Context())
	if d, err := repo.Tag(t.Context(), "1.0"); err != nil || d != last {
		t.Errorf("the tag is stored as %q, %v", d, err)
	}
}
