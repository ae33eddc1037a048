package proxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/internal/redistest"
)

// blobs pulls all blobs of the image from s, which got its manifest elsewhere.
func (s *site) blobs(repository string, p pushed) {
	s.t.Helper()
	for _, d := range append(p.layers, p.config) {
		if r := s.ask("GET", path("%s/blobs/%s", repository, d)); r.status != http.StatusOK || r.err != nil || digest.FromBytes(r.body) != d {
			s.t.Errorf("blob %s: %d %s %v", d, r.status, r.message(), r.err)
		}
	}
}

func (s *site) manifestOf(repository string, p pushed) {
	s.t.Helper()
	if r := s.ask("GET", path("%s/manifests/1.0", repository)); r.status != http.StatusOK || digest.FromBytes(r.body) != p.manifest {
		s.t.Errorf("manifest: %d %s", r.status, r.message())
	}
}

func (s *site) purgeAll() {
	s.t.Helper()
	got, err := s.content.Cache().Purge(s.t.Context(), cache.Purge{All: true})
	if err != nil || len(got.Images) != 1 {
		s.t.Fatalf("purged %+v, %v", got, err)
	}
}

// A client's requests go to any replica. Whichever purged, or knew: the pull ends well.
func TestPullsGoOnAfterAnotherReplicaPurged(t *testing.T) {
	for _, c := range []struct {
		name string
		pull func(t *testing.T, a, b *site, p pushed)
	}{
		{"manifest and purge here, blobs there", func(t *testing.T, a, b *site, p pushed) {
			a.manifestOf("team/app", p)
			a.purgeAll()
			b.blobs("team/app", p)
		}},
		{"purged there, still believed here", func(t *testing.T, a, b *site, p pushed) {
			a.manifestOf("team/app", p)
			a.blobs("team/app", p)
			b.purgeAll()
			a.manifestOf("team/app", p)
			a.blobs("team/app", p)
		}},
		{"purged there, served here from memory, blobs there", func(t *testing.T, a, b *site, p pushed) {
			a.manifestOf("team/app", p)
			b.manifestOf("team/app", p)
			b.blobs("team/app", p)
			a.purgeAll()
			b.manifestOf("team/app", p)
			a.blobs("team/app", p)
		}},
		{"purged, served from memory, blobs at a third that never knew", func(t *testing.T, a, b *site, p pushed) {
			a.manifestOf("team/app", p)
			b.manifestOf("team/app", p)
			b.purgeAll()
			a.manifestOf("team/app", p)
			third := a.second()
			third.blobs("team/app", p)
		}},
		{"stored a moment after the other looked", func(t *testing.T, a, b *site, p pushed) {
			other := a.push("team/app:2.0", 1000)
			a.manifestOf("team/app", p)
			b.blobs("team/app", p) // lists what there is
			if r := a.ask("GET", path("team/app/manifests/2.0")); r.status != http.StatusOK {
				t.Fatal(r.status)
			}
			b.blobs("team/app", other)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			replicas(t, func(t *testing.T, a, b *site, _ *redistest.Server) {
				c.pull(t, a, b, a.push("team/app:1.0", 1000))
			})
		})
	}
}

// Without Redis no replica is told; one that finds out by itself stores anew
// what it serves.
func TestServedFromMemoryIsStoredAgain(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		a := newSite(t, d, func(c *Config) { c.now = time.Now })
		b := a.second()
		p := a.push("team/app:1.0", 1000)
		a.manifestOf("team/app", p)
		a.content.allWritten(t.Context())
		b.purgeAll()
		repo := a.content.store.Repository(upstreamName + "/team/app")
		if err := repo.Touch(t.Context(), p.manifest, time.Now()); err != nil {
			t.Fatal(err)
		}
		a.manifestOf("team/app", p)
		a.content.allWritten(t.Context())
		if _, err := b.content.store.Repository(upstreamName+"/team/app").Used(t.Context(), p.manifest); err != nil {
			t.Error(err)
		}
		if n := a.origin.Asked("GET", "/manifests/"); n != 2 {
			t.Errorf("upstream was asked %d times", n)
		}
	})
}
