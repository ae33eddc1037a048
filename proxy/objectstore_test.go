package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/storagetest"
)

// isStored waits until the blob is in the store, which is after it was served.
func (s *site) isStored(d digest.Digest) {
	s.t.Helper()
	eventually(s.t, "the blob is stored", func() bool {
		_, ok := s.content.stored(context.Background(), s.ref(), d)
		return ok
	})
}

func TestPullsThroughS3(t *testing.T) {
	bucket := storagetest.S3(t, nil)
	d := bucket.Driver(t)
	redis := redistest.Start(t)
	a := newSite(t, d, func(c *Config) { c.Redis, c.FillDir = redis.Client(), t.TempDir() })
	b := a.second(func(c *Config) { c.Redis, c.FillDir = redis.Client(), t.TempDir() })
	p := a.push("team/app:1.0", 200_000)
	a.origin.Break(drip(5, 50e6))
	var wg sync.WaitGroup
	for i := range 8 {
		s := a
		if i%2 == 1 {
			s = b
		}
		wg.Go(func() {
			s.ask("GET", path("team/app/manifests/1.0"))
			for _, l := range p.layers {
				if r := s.ask("GET", path("team/app/blobs/%s", l)); r.status != 200 || digest.FromBytes(r.body) != l {
					t.Errorf("%d, %d bytes, %v", r.status, len(r.body), r.err)
				}
			}
		})
	}
	wg.Wait()
	if n := a.origin.Asked("GET", "/blobs/"); n != 2 {
		t.Errorf("upstream was asked %d times for two blobs", n)
	}
	for _, l := range p.layers {
		a.isStored(l)
	}
	a.origin.Stop()
	if r := b.ask("GET", path("team/app/blobs/%s", p.layers[0]), "Range: bytes=1000-1999"); r.status != 206 || len(r.body) != 1000 {
		t.Errorf("a range: %d, %d bytes", r.status, len(r.body))
	}
	if r := b.ask("GET", path("team/app/manifests/%s", p.manifest)); r.status != 200 {
		t.Errorf("the manifest: %d", r.status)
	}
	a.close()
	b.close()
	storagetest.Audit(t, d)
	a.open()
	b.open()
}

func TestRedirectToTheStorage(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	bucket := storagetest.S3(t, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Query().Has("X-Amz-Signature") {
			asked = append(asked, r.Method)
		}
	})
	s := newSite(t, bucket.Driver(t), func(c *Config) { c.FillDir, c.Redirect = t.TempDir(), true })
	p := s.push("team/app:1.0", 50_000)
	s.ask("GET", path("team/app/manifests/1.0"))
	where := path("team/app/blobs/%s", p.layers[0])
	if r := s.ask("GET", where); r.status != 200 || digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("before it is stored: %d", r.status)
	}
	s.isStored(p.layers[0])
	for _, method := range []string{"GET", "HEAD"} {
		r := s.ask(method, where)
		address := r.header.Get("Location")
		if r.status != 307 || !strings.HasPrefix(address, bucket.URL) || r.header.Get("Docker-Content-Digest") != p.layers[0].String() || r.header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%s: %d %v", method, r.status, r.header)
		}
		req, err := http.NewRequest(method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.ContentLength < 50_000 {
			t.Errorf("%s of the address: %d, %d bytes", method, resp.StatusCode, resp.ContentLength)
		}
	}
	mu.Lock()
	if strings.Join(asked, " ") != "GET HEAD" {
		t.Errorf("the bucket was asked %v", asked)
	}
	mu.Unlock()
	// A client that follows gets the blob, also a part of it.
	resp, err := http.Get(s.server.URL + where)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if d, err := digest.FromReader(resp.Body); err != nil || d != p.layers[0] {
		t.Errorf("following: %s %v", d, err)
	}

	// The sandbox gets it here: it may reach nothing else.
	s.grants["open"] = image.Reference{Registry: upstreamName, Repository: "team/app", Digest: p.manifest}
	if r := s.ask("GET", where, "Authorization: Bearer open"); r.status != 200 || digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("with a grant: %d", r.status)
	}
	// The gate comes first.
	s.gate.deny(p.manifest)
	if r := s.ask("GET", where); r.status != 403 || r.header.Get("Location") != "" {
		t.Errorf("denied: %d %v", r.status, r.header)
	}
}

// A driver that signs no addresses serves as ever.
func TestNoRedirectWhereTheDriverCannot(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.Redirect = true })
	p := s.push("team/app:1.0", 1000)
	s.ask("GET", path("team/app/manifests/1.0"))
	for range 2 {
		if r := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); r.status != 200 || digest.FromBytes(r.body) != p.layers[0] {
			t.Errorf("%d", r.status)
		}
		s.isStored(p.layers[0])
	}
}
