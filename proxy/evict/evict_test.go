package evict

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/storagetest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

// shelf is a store that is filled by hand, and its evictor, at a time that the
// test says.
type shelf struct {
	*Evictor
	t      testing.TB
	driver driver.StorageDriver
	store  *store.Store
	now    time.Time
}

func drivers(t *testing.T, test func(t *testing.T, d driver.StorageDriver)) {
	t.Run("filesystem", func(t *testing.T) {
		test(t, filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100}))
	})
	t.Run("inmemory", func(t *testing.T) { test(t, inmemory.New()) })
	t.Run("s3", func(t *testing.T) { test(t, storagetest.S3(t, nil).Driver(t)) })
}

func open(t testing.TB, d driver.StorageDriver, set ...func(*Config)) *shelf {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s, err := store.New(context.Background(), d, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	// What is stored now was used just now; tests turn the clock forward.
	sh := &shelf{t: t, driver: d, store: s, now: time.Now()}
	cfg := Config{Store: s, Objects: objects.New(d), Log: quiet, Now: func() time.Time { return sh.now }}
	for _, f := range set {
		f(&cfg)
	}
	if sh.Evictor, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return sh
}

// blob stores size random bytes for the repository.
func (s *shelf) blob(repository string, size int) digest.Digest {
	s.t.Helper()
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil {
		s.t.Fatal(err)
	}
	return s.put(repository, b)
}

func (s *shelf) put(repository string, b []byte) digest.Digest {
	s.t.Helper()
	dir := s.store.FillDir()
	if dir == "" {
		dir = s.t.TempDir()
	}
	file := filepath.Join(dir, rand.Text()+".part")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	d := digest.FromBytes(b)
	if err := s.store.Repository(repository).AddLayer(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.Adopt(s.t.Context(), d, file); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// image stores a manifest that names blobs.
func (s *shelf) image(repository, tag string, blobs ...digest.Digest) digest.Digest {
	s.t.Helper()
	layers := make([]string, len(blobs))
	for i, b := range blobs {
		layers[i] = fmt.Sprintf(`{"mediaType":"l","digest":%q,"size":1}`, b)
	}
	return s.manifest(repository, tag, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`, store.OCIManifest, layers[0], strings.Join(layers[1:], ",")))
}

// index stores an index of children.
func (s *shelf) index(repository, tag string, children ...digest.Digest) digest.Digest {
	s.t.Helper()
	list := make([]string, len(children))
	for i, c := range children {
		list[i] = fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, store.OCIManifest, c)
	}
	return s.manifest(repository, tag, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, store.OCIIndex, strings.Join(list, ",")))
}

func (s *shelf) manifest(repository, tag, raw string) digest.Digest {
	s.t.Helper()
	m, err := store.Parse("", digest.FromString(raw), []byte(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	repo := s.store.Repository(repository)
	if err := repo.Add(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
	if tag != "" {
		if err := repo.SetTag(s.t.Context(), tag, m.Digest); err != nil {
			s.t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Millisecond) // one is older than the other
	return m.Digest
}

func (s *shelf) has(want bool, digests ...digest.Digest) {
	s.t.Helper()
	for _, d := range digests {
		if _, err := s.store.Size(context.Background(), d); (err == nil) != want {
			s.t.Errorf("%s is stored: %v", d, err == nil)
		}
	}
}

func (s *shelf) pass() {
	s.t.Helper()
	if err := s.Pass(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	storagetest.Audit(s.t, s.driver)
}

// later waits until the storage's clock has moved on; S3 counts in seconds.
func later(d driver.StorageDriver) {
	if d.Name() == "s3aws" {
		time.Sleep(1100 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
}

func ref(t testing.TB, name string) image.Reference {
	t.Helper()
	r, err := image.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const repo = "a.test/team/app"

func limit(bytes int64) func(*Config) { return func(c *Config) { c.Size = bytes } }

func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d, limit(100_000))
		shared := s.blob(repo, 20_000)
		a1, b1, c1 := s.blob(repo, 30_000), s.blob(repo, 30_000), s.blob(repo, 30_000)
		a := s.image(repo, "a", a1, shared)
		b := s.image(repo, "b", b1, shared)
		c := s.image(repo, "c", c1, shared)
		s.pass()
		s.has(true, a, b, c, a1, b1, c1) // all young
		s.now = s.now.Add(time.Hour)
		s.Uses().Used(repo, a)
		s.flush(t.Context())
		s.pass()
		s.has(false, b, b1)
		s.has(true, a, a1, c, c1, shared)
		if _, err := s.store.Repository(repo).Tag(t.Context(), "b"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the tag of what was evicted: %v", err)
		}
		if got, err := s.store.Repository(repo).Tag(t.Context(), "c"); got != c {
			t.Errorf("another tag: %s %v", got, err)
		}
		if s.store.Repository(repo).HasLayer(t.Context(), b1) || !s.store.Repository(repo).HasLayer(t.Context(), c1) {
			t.Error("links of layers")
		}
		if n, err := s.store.Repository(repo).Naming(t.Context(), b1); err != nil || len(n) != 1 {
			t.Errorf("who pulled it a moment ago cannot ask for its blobs: %v %v", n, err)
		}
		u, err := s.Usage(t.Context())
		if err != nil || u.Manifests != 2 || u.Bytes > 90_000 || u.Limit != 100_000 {
			t.Errorf("usage %+v %v", u, err)
		}
		// What was pulled since the last pass is counted, too.
		s.image(repo, "new", s.blob(repo, 1000))
		if now, err := s.Usage(t.Context()); err != nil || now.Manifests != 3 || now.Blobs != u.Blobs+2 || now.Bytes <= u.Bytes+1000 {
			t.Errorf("usage after another pull %+v %v, before %+v", now, err, u)
		}
	})
}

func TestAnIndexKeepsItsChildren(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d, limit(50_000))
		b1, b2, b3 := s.blob(repo, 20_000), s.blob(repo, 20_000), s.blob(repo, 20_000)
		c1 := s.image(repo, "", b1)
		c2 := s.image(repo, "", b2)
		other := s.image(repo, "other", b3)
		one := s.index(repo, "one", c1, c2)
		two := s.index(repo, "two", c2)
		s.now = s.now.Add(time.Hour)
		s.pass()
		s.has(false, other, b3) // the oldest that nothing keeps
		s.has(true, one, two, c1, c2, b1, b2)
		// One index goes: the child that the other names stays.
		done, err := s.Purge(t.Context(), cache.Purge{Images: []string{repo + ":one"}})
		if err != nil || len(done.Images) != 1 || done.Blobs != 3 {
			t.Errorf("purged %+v %v", done, err)
		}
		s.has(false, one, c1, b1)
		s.has(true, two, c2, b2)
		// A child alone cannot be purged away from its index.
		if _, err := s.Purge(t.Context(), cache.Purge{Images: []string{repo + "@" + c2.String()}}); !errors.Is(err, cache.ErrPurge) {
			t.Errorf("purging a child: %v", err)
		}
		storagetest.Audit(t, d)
	})
}

func TestAnotherRepositoryKeepsItsBlobs(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		b := s.blob(repo, 1000)
		if err := s.store.Repository("b.test/x").AddLayer(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		m := s.image(repo, "1", b)
		if got := s.image("b.test/x", "1", b); got != m {
			t.Fatal("not the same manifest")
		}
		if _, err := s.Purge(t.Context(), cache.Purge{Repositories: []string{repo}}); err != nil {
			t.Fatal(err)
		}
		s.has(true, b, m)
		if _, err := s.store.Repository(repo).Manifest(t.Context(), m); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the purged repository: %v", err)
		}
		if _, err := s.store.Repository("b.test/x").Manifest(t.Context(), m); err != nil {
			t.Errorf("the other one: %v", err)
		}
		if s.store.Repository(repo).HasLayer(t.Context(), b) || !s.store.Repository("b.test/x").HasLayer(t.Context(), b) {
			t.Error("links of layers")
		}
	})
}

func TestPinsStay(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d, limit(1000), func(c *Config) { c.Keep = time.Hour })
		b1, b2, b3 := s.blob(repo, 20_000), s.blob(repo, 20_000), s.blob(repo, 20_000)
		c1, c2 := s.image(repo, "", b1), s.image(repo, "", b2)
		i := s.index(repo, "stable", c1)
		whole := s.index(repo, "both", c1, c2)
		gone := s.image(repo, "gone", b3)
		for _, name := range []string{repo + ":stable", repo + "@" + c2.String(), repo + ":notyet"} {
			if _, err := s.Pin(t.Context(), ref(t, name), "mara"); err != nil {
				t.Fatal(err)
			}
		}
		s.now = s.now.Add(1000 * time.Hour)
		s.pass()
		s.has(true, i, c1, b1, c2, b2)
		s.has(false, gone, b3, whole)
		pins, err := s.Pins(t.Context())
		if err != nil || len(pins) != 3 || pins[0].Image != repo+":notyet" || pins[0].Cached || !pins[1].Cached || pins[1].Author != "mara" {
			t.Errorf("pins %+v %v", pins, err)
		}
		done, err := s.Purge(t.Context(), cache.Purge{All: true})
		if err != nil || len(done.Pinned) != 2 || len(done.Images) != 0 {
			t.Errorf("purged %+v %v", done, err)
		}
		if err := s.Unpin(t.Context(), ref(t, repo+":stable")); err != nil {
			t.Fatal(err)
		}
		if err := s.Unpin(t.Context(), ref(t, repo+":stable")); !errors.Is(err, cache.ErrNotPinned) {
			t.Errorf("unpinned twice: %v", err)
		}
		s.pass()
		s.has(false, i, c1, b1)
		s.has(true, c2, b2)
	})
}

func TestPurge(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		start := s.now
		b1, b2 := s.blob(repo, 100), s.blob("a.test/other", 200)
		old := s.image(repo, "old", b1)
		young := s.image("a.test/other", "young", b2)
		s.now = start.Add(48 * time.Hour)
		s.Uses().Used("a.test/other", young)
		s.flush(t.Context())
		s.now = start.Add(49 * time.Hour)
		purge := cache.Purge{OlderThan: 24 * time.Hour}
		if d.Name() != "filesystem" {
			purge = cache.Purge{Images: []string{repo + ":old"}} // its times are its own
		}
		dry := purge
		dry.DryRun = true
		would, err := s.Purge(t.Context(), dry)
		if err != nil || len(would.Images) != 1 || would.Images[0].Digest != old || would.Blobs != 2 || would.Bytes < 100 {
			t.Errorf("would purge %+v %v", would, err)
		}
		s.has(true, old, b1, young, b2)
		if _, err := s.Purge(t.Context(), purge); err != nil {
			t.Fatal(err)
		}
		s.has(false, old, b1)
		s.has(true, young, b2)
		for _, q := range []cache.Purge{{}, {DryRun: true}} {
			if _, err := s.Purge(t.Context(), q); !errors.Is(err, cache.ErrPurge) {
				t.Errorf("a purge of nothing said: %v", err)
			}
		}
		if _, err := s.Purge(t.Context(), cache.Purge{Images: []string{repo + ":old"}}); !errors.Is(err, cache.ErrNotCached) {
			t.Errorf("a purge of what is not there: %v", err)
		}
		release := s.Uses().Hold("a.test/other", young)
		done, err := s.Purge(t.Context(), cache.Purge{All: true})
		if err != nil || len(done.InUse) != 1 {
			t.Errorf("purged what is read: %+v %v", done, err)
		}
		s.has(true, young, b2)
		release()
		s.flush(t.Context())
		if _, err := s.Purge(t.Context(), cache.Purge{All: true}); err != nil {
			t.Fatal(err)
		}
		s.has(false, young, b2)
	})
}

func TestShow(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		b1, b2, absent := s.blob(repo, 1000), s.blob(repo, 2000), digest.FromString("absent")
		m := s.image(repo, "1", b1, absent)
		other := s.image(repo, "2", b1, b2)
		i, err := s.Image(t.Context(), ref(t, repo+":1"))
		if err != nil || i.Digest != m || !slices.Equal(i.Tags, []string{"1"}) || i.Size-i.Frees != 1000 || len(i.Blobs) != 3 {
			t.Errorf("%+v %v", i, err)
		}
		for _, b := range i.Blobs {
			if b.Cached == (b.Digest == absent) {
				t.Errorf("%+v", b)
			}
		}
		b, err := s.Blob(t.Context(), b1)
		if err != nil || len(b.KeptBy) != 2 || b.Size != 1000 {
			t.Errorf("%+v %v", b, err)
		}
		if _, err := s.Blob(t.Context(), digest.FromString("nothing")); !errors.Is(err, cache.ErrNotCached) {
			t.Errorf("a blob that is not there: %v", err)
		}
		if _, err := s.Image(t.Context(), ref(t, repo+":3")); !errors.Is(err, cache.ErrNotCached) {
			t.Errorf("an image that is not there: %v", err)
		}
		all, err := s.Images(t.Context(), "")
		if err != nil || len(all) != 2 || all[0].Digest != other {
			t.Errorf("%+v %v", all, err)
		}
		if some, err := s.Images(t.Context(), "app:1"); err != nil || len(some) != 1 {
			t.Errorf("%+v %v", some, err)
		}
	})
}

func TestStraysGoWhenTheyAreOld(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		stray, kept := s.blob(repo, 1000), s.blob(repo, 1000)
		m := s.image(repo, "1", kept)
		// A manifest whose bytes are gone.
		lost := s.image(repo, "2", kept, kept)
		if _, err := s.store.RemoveBlob(t.Context(), lost, store.Blob{Changed: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		s.pass()
		s.has(true, stray)
		s.now = s.now.Add(2 * strayAfter)
		s.pass()
		s.has(false, stray)
		s.has(true, m, kept)
		if s.store.Repository(repo).HasLayer(t.Context(), stray) {
			t.Error("the stray's link is still there")
		}
		v, err := s.store.Survey(t.Context())
		if err != nil || len(v.Manifests) != 1 {
			t.Errorf("%+v %v", v.Manifests, err)
		}
	})
}

func TestWhatIsUsedSinceTheSurveyStays(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		b1, b2 := s.blob(repo, 1000), s.blob(repo, 1000)
		m1, m2 := s.image(repo, "1", b1), s.image(repo, "2", b2)
		p, err := s.read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.roots {
			p.drop(r)
		}
		later(d)
		s.now = time.Now()
		// Another replica serves one of them, and stores its blob anew.
		other := open(t, d)
		if err := other.store.Repository(repo).Touch(t.Context(), m2, s.now); err != nil {
			t.Fatal(err)
		}
		done, err := s.apply(t.Context(), p, p.roots, false)
		if err != nil || len(done.inUse) != 1 || done.images != 1 {
			t.Errorf("%+v %v", done, err)
		}
		s.has(false, m1, b1)
		s.has(true, m2, b2)
	})
}

func TestABlobStoredAgainStays(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := open(t, d)
		content := []byte("stored twice")
		b := s.put(repo, content)
		v, err := s.store.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		later(d)
		s.put(repo, content)
		if removed, err := s.store.RemoveBlob(t.Context(), b, v.Blobs[b]); err != nil || removed {
			t.Errorf("removed what came after the survey: %v %v", removed, err)
		}
		s.has(true, b)
	})
}

func TestObjectsBeingReadStay(t *testing.T) {
	s := open(t, inmemory.New())
	b := s.blob(repo, 100_000)
	r, _, err := s.store.Open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	now := store.Blob{Changed: time.Now().Add(time.Hour)}
	if removed, err := s.store.RemoveBlob(t.Context(), b, now); err != nil || removed {
		t.Errorf("removed what is read: %v %v", removed, err)
	}
	r.Close()
	r.Close()
	if removed, err := s.store.RemoveBlob(t.Context(), b, now); err != nil || !removed {
		t.Errorf("not removed when nobody reads it: %v %v", removed, err)
	}
}

func TestStorageFaultDeletesNothing(t *testing.T) {
	for _, op := range []storagetest.Operation{storagetest.Get, storagetest.List, storagetest.Stat, storagetest.Read} {
		t.Run(string(op), func(t *testing.T) {
			faulty := storagetest.NewFaulty(inmemory.New())
			s := open(t, faulty, limit(1))
			b := s.blob(repo, 1000)
			m := s.image(repo, "1", b)
			s.now = s.now.Add(time.Hour)
			fresh := open(t, faulty, limit(1)) // remembers nothing
			fresh.now = s.now
			for n := range 12 {
				faulty.Fail(func(o storagetest.Operation, i int) bool { return o == op && i == n+1 })
				failed := fresh.Pass(t.Context())
				faulty.Fail(nil)
				_, err := s.store.Size(t.Context(), b)
				if err == nil {
					continue
				}
				// It got through: then the manifest that names the blob is gone too.
				if _, err := fresh.store.Repository(repo).Manifest(t.Context(), m); err == nil && failed == nil {
					t.Error("a blob is gone that a kept manifest names")
				}
				return
			}
		})
	}
}

func TestClocksThatJump(t *testing.T) {
	d := filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
	s := open(t, d, func(c *Config) { c.Keep = 24 * time.Hour })
	var elapsed time.Duration
	s.elapsed = func() time.Duration { return elapsed }
	start := s.now
	m := s.image(repo, "1", s.blob(repo, 1000))
	s.pass()
	// The clock is set a year ahead: nothing was unused for so long.
	s.now, elapsed = start.AddDate(1, 0, 0), time.Minute
	s.pass()
	s.has(true, m)
	// Used under the wrong clock, which is put right again: that counts as a
	// while ago, and not as used until next year.
	s.Uses().Used(repo, m)
	s.flush(t.Context())
	s.now, elapsed = start.Add(2*time.Minute), 2*time.Minute
	s.pass()
	s.has(true, m)
	p, err := s.read(t.Context())
	if err != nil || !p.roots[0].used.Equal(s.now.Add(-grace)) {
		t.Errorf("used at %v, and now is %v: %v", p.roots[0].used, s.now, err)
	}
	// Its use is recorded again although the last record is in the future.
	s.Uses().Used(repo, m)
	s.flush(t.Context())
	if used, err := s.store.Repository(repo).Used(t.Context(), m); err != nil || used.After(time.Now().Add(time.Hour)) {
		t.Errorf("used at %v, %v", used, err)
	}
	// Time that passes is believed.
	s.now, elapsed = start.Add(72*time.Hour), 72*time.Hour
	s.pass()
	s.has(false, m)
}

func TestRoomIsMadeOnAFullFileSystem(t *testing.T) {
	dir := storagetest.Tmpfs(t, 4<<20)
	d := filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100})
	s := open(t, d)
	var images []digest.Digest
	for i := range 3 {
		images = append(images, s.image(repo, fmt.Sprint(i), s.blob(repo, 1<<20)))
	}
	if _, err := s.Pin(t.Context(), ref(t, repo+":0"), ""); err != nil {
		t.Fatal(err)
	}
	fill, err := os.Create(filepath.Join(dir, "somebody else's"))
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	for b := make([]byte, 64<<10); err == nil; {
		_, err = fill.Write(b)
	}
	if !s.MakeRoom(t.Context()) {
		t.Fatal("no room was made")
	}
	s.has(true, images[0], images[2])
	s.has(false, images[1])
	if _, free, err := s.store.Room(); err != nil || free < 400<<10 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	storagetest.Audit(t, d)
}
