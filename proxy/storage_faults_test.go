package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/internal/storagetest"
)

// pullWhole pulls an image by hand, and fails unless all of it is right.
func (s *site) pullWhole(name string, p pushed) {
	s.t.Helper()
	if r := s.ask("GET", path("%s/manifests/%s", name, p.manifest)); r.status != 200 || digest.FromBytes(r.body) != p.manifest {
		s.t.Errorf("the manifest: %d %s %v", r.status, r.message(), r.err)
	}
	for _, d := range append([]digest.Digest{p.config}, p.layers...) {
		if r := s.ask("GET", path("%s/blobs/%s", name, d)); r.status != 200 || r.err != nil || digest.FromBytes(r.body) != d {
			s.t.Errorf("blob %s: %d %s, %d bytes, %v", d, r.status, r.message(), len(r.body), r.err)
		}
	}
}

// Whatever call to the storage fails, once or always, a pull goes on from
// upstream, and nothing half-written is served or left.
func TestStorageFaults(t *testing.T) {
	for _, op := range storagetest.Operations {
		for _, n := range []int{1, 2, 3, 5, 0} { // 0: all calls
			t.Run(fmt.Sprintf("%s %d", op, n), func(t *testing.T) {
				faulty := storagetest.NewFaulty(inmemory.New())
				s := newSite(t, faulty, func(c *Config) { c.FillDir = t.TempDir() })
				p := s.push("team/app:1.0", 30_000)
				fail := func(o storagetest.Operation, i int) bool { return o == op && (n == 0 || i == n) }
				faulty.Fail(fail)
				s.pullWhole("team/app", p) // cold
				if op == storagetest.Middle {
					// What was begun from the store cannot be ended from elsewhere: it
					// breaks off, and is whole again as soon as the storage is.
					s.content.fills.Close()
					r := s.ask("GET", path("team/app/blobs/%s", p.layers[0]))
					if r.err == nil && digest.FromBytes(r.body) != p.layers[0] {
						t.Errorf("a broken answer ended as if it were whole: %d, %d bytes", r.status, len(r.body))
					}
				} else {
					faulty.Fail(fail)
					s.pullWhole("team/app", p) // warm, if it could be stored
				}
				faulty.Fail(nil)
				s.close()
				s.open()
				s.pullWhole("team/app", p)
				s.close()
				// An upload that cannot be deleted is swept a day later.
				if op != storagetest.Delete && op != storagetest.Commit {
					storagetest.Audit(t, faulty)
				}
				s.open()
			})
		}
	}
}

func TestFullDisk(t *testing.T) {
	const size = 8 << 20
	dir := storagetest.Tmpfs(t, size)
	s := newSite(t, filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100}))
	var images []pushed
	for i := range 6 {
		images = append(images, s.push(fmt.Sprintf("team/app%d:1.0", i), 1<<20)) // two layers each
	}
	// More than fits, one after the other: the oldest go.
	for i, p := range images {
		s.pullWhole(fmt.Sprintf("team/app%d", i), p)
	}
	s.content.fills.Close()
	cached, err := s.content.Cache().Images(t.Context(), "")
	if err != nil || len(cached) == 0 || len(cached) == len(images) {
		t.Errorf("%d images are kept, %v", len(cached), err)
	}
	s.close()
	storagetest.Audit(t, s.driver)

	// Nothing can be evicted, since somebody else took all the room.
	s.open()
	if _, err := s.content.Cache().Purge(t.Context(), cache.Purge{All: true}); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	f, err := os.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 4096); err == nil; {
		_, err = f.Write(b)
	}
	f.Close()
	big := s.push("team/big:1.0", 3<<20)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { s.pullWhole("team/big", big) })
	}
	wg.Wait()
	if r := s.ask("GET", path("team/big/blobs/%s", big.layers[0]), "Range: bytes=1000000-1000999"); r.status != 206 || len(r.body) != 1000 {
		t.Errorf("a range: %d, %d bytes, %v", r.status, len(r.body), r.err)
	}
	// There is room for a part: what was written is followed, the rest comes from upstream.
	if err := os.Truncate(other, 7<<20); err != nil {
		t.Fatal(err)
	}
	s.pullWhole("team/big", big)
	// Wrong bytes are no more let through than ever.
	wrong := s.push("team/wrong:1.0", 3<<20)
	s.ask("GET", path("team/wrong/manifests/1.0"))
	s.origin.Break(onBlobs(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
		b := reply(r, reg)
		b[len(b)-1] ^= 1
		_, _ = w.Write(b)
		return true
	}))
	if r := s.ask("GET", path("team/wrong/blobs/%s", wrong.layers[0])); r.err == nil && r.status == 200 {
		t.Errorf("wrong bytes ended as if they were right: %d bytes", len(r.body))
	}
	s.origin.Break(nil)
	// With room, it is kept again.
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	s.pullWhole("team/big", big)
	s.isStoredIn("team/big", big.layers[0])
	s.close()
	storagetest.Audit(t, s.driver)
	s.open()
}

func (s *site) isStoredIn(name string, d digest.Digest) {
	s.t.Helper()
	eventually(s.t, "the blob is stored", func() bool {
		_, err := s.content.store.Size(s.t.Context(), d)
		return err == nil && s.content.store.Repository(upstreamName+"/"+name).HasLayer(s.t.Context(), d)
	})
}

// A full folder for fills, with a store elsewhere that has room.
func TestFullFillFolder(t *testing.T) {
	dir := storagetest.Tmpfs(t, 256<<10)
	s := newSite(t, inmemory.New(), func(c *Config) { c.FillDir = dir })
	p := s.push("team/app:1.0", 2<<20)
	s.pullWhole("team/app", p)
	s.pullWhole("team/app", p)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		eventually(t, "the fill folder is empty", func() bool {
			left, _ = filepath.Glob(filepath.Join(dir, "*"))
			return len(left) == 0
		})
	}
	s.checkStore()
}

// Images are evicted while they are pulled, by this replica and by another:
// every pull succeeds.
func TestPullsWhileEverythingIsEvicted(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d)
		other := s.second()
		p := s.push("team/app:1.0", 100_000)
		end := make(chan struct{})
		var purging, pulling sync.WaitGroup
		for _, r := range []*site{s, other} {
			purging.Go(func() {
				for {
					select {
					case <-end:
						return
					case <-time.After(3 * time.Millisecond):
					}
					if _, err := r.content.Cache().Purge(t.Context(), cache.Purge{All: true}); err != nil {
						t.Errorf("purging: %v", err)
					}
				}
			})
		}
		for range 4 {
			pulling.Go(func() {
				for range 15 {
					s.pullWhole("team/app", p)
					other.pullWhole("team/app", p)
				}
			})
		}
		pulling.Wait()
		close(end)
		purging.Wait()
		s.close()
		other.close()
		storagetest.Audit(t, d)
		s.open()
		other.open()
	})
}

// A reader that began before its blob was evicted reads it to the end.
func TestEvictedWhileItIsRead(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d, func(c *Config) { c.Limits.Stall = time.Hour }) // however slow the machine
		p := s.push("team/app:1.0", 16<<20)
		s.pullWhole("team/app", p)
		s.isStored(p.layers[0])
		// The connection must hold less than the blob, whatever the kernel's bounds.
		shallow := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				err = c.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return c, err
		}}
		defer shallow.CloseIdleConnections()
		resp, err := (&http.Client{Transport: shallow}).Get(s.server.URL + path("team/app/blobs/%s", p.layers[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		head := make([]byte, 1000)
		if _, err := io.ReadFull(resp.Body, head); err != nil {
			t.Fatal(err)
		}
		done, err := s.content.Cache().Purge(t.Context(), cache.Purge{All: true})
		if err != nil || len(done.InUse) != 1 {
			t.Errorf("purged %+v %v", done, err)
		}
		// Another replica does not know of the reader.
		if _, err := s.second().content.Cache().Purge(t.Context(), cache.Purge{All: true}); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(resp.Body)
		if err != nil || digest.FromBytes(append(head, rest...)) != p.layers[0] {
			t.Errorf("%d bytes, %v", len(rest)+len(head), err)
		}
	})
}
