package proxy

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/storagetest"
	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

// drip has the origin send blobs in pieces, one every pause.
func drip(pieces int, pause time.Duration) origin.Fault {
	return onBlobs(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
		if r.Method != http.MethodGet {
			return false
		}
		b := reply(r, reg)
		var from int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
			w.Header().Set("Content-Length", fmt.Sprint(len(b)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		}
		for b = b[from:]; len(b) > 0; {
			n := min(len(b), len(b)/pieces+1000)
			if _, err := w.Write(b[:n]); err != nil {
				return true
			}
			w.(http.Flusher).Flush()
			b = b[n:]
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return true
			}
		}
		return true
	})
}

// second is another replica on the same storage, Redis and upstream.
func (s *site) second(set ...func(*Config)) *site {
	s.t.Helper()
	o := *s
	for _, f := range set {
		f(&o.cfg)
	}
	o.open()
	s.t.Cleanup(o.close)
	return &o
}

// replicas runs a test with two replicas: one storage on files that both see,
// and one that has none.
func replicas(t *testing.T, test func(t *testing.T, a, b *site, redis *redistest.Server)) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		redis := redistest.Start(t)
		share := func(c *Config) {
			// Nobody dies here: a replica that is slow on a busy machine keeps what it claimed.
			c.Redis, c.claimTTL, c.FillDir, c.Shared = redis.Client(), time.Minute, "", true
		}
		if d.Name() == "inmemory" {
			dirs := []string{t.TempDir(), t.TempDir()}
			old := share
			share = func(c *Config) { old(c); c.FillDir, dirs = dirs[0], dirs[1:] }
		}
		a := newSite(t, d, share)
		test(t, a, a.second(share), redis)
	})
}

func TestReplicasFetchABlobOnce(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *site, _ *redistest.Server) {
		p := a.push("team/app:1.0", 400_000)
		a.origin.Break(drip(10, 30*time.Millisecond))
		where := path("team/app/blobs/%s", p.layers[0])
		var wg sync.WaitGroup
		for i := range 16 {
			s := a
			if i%2 == 1 {
				s = b
			}
			wg.Go(func() {
				s.ask("GET", path("team/app/manifests/1.0"))
				if r := s.ask("GET", where); r.status != 200 || r.err != nil || digest.FromBytes(r.body) != p.layers[0] {
					t.Errorf("client %d: %d %s, %d bytes, %v", i, r.status, r.body[:min(len(r.body), 100)], len(r.body), r.err)
				}
			})
		}
		wg.Wait()
		if n := a.origin.Asked("GET", "/blobs/"); n != 1 {
			t.Errorf("upstream was asked %d times for one blob", n)
		}
		a.close()
		b.close()
		storagetest.Audit(t, a.driver)
		a.open()
		b.open()
	})
}

// A replica that follows another's file gives out its bytes as they come.
func TestReplicaFollowsTheGrowingFile(t *testing.T) {
	redis := redistest.Start(t)
	share := func(c *Config) { c.Redis = redis.Client() }
	a := newSite(t, disk(t), share)
	b := a.second(share)
	p := a.push("team/app:1.0", 300_000)
	rest := make(chan struct{})
	a.origin.Break(onBlobs(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
		body := reply(r, reg)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:100_000])
		w.(http.Flusher).Flush()
		<-rest
		_, _ = w.Write(body[100_000:])
		return true
	}))
	a.ask("GET", path("team/app/manifests/1.0"))
	b.ask("GET", path("team/app/manifests/1.0"))
	where := path("team/app/blobs/%s", p.layers[0])
	done := make(chan answer)
	go func() { done <- a.ask("GET", where) }()
	eventually(t, "the first replica asks", func() bool { return a.origin.Asked("GET", "/blobs/") == 1 })
	if r := b.ask("GET", where, "Range: bytes=1000-1999"); r.status != 206 || len(r.body) != 1000 {
		t.Errorf("what has come by now: %d, %d bytes, %v", r.status, len(r.body), r.err)
	}
	close(rest)
	if r := <-done; digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("the first replica: %d, %d bytes", r.status, len(r.body))
	}
	if r := b.ask("GET", where); digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("the second replica: %d, %d bytes", r.status, len(r.body))
	}
	if n := a.origin.Asked("GET", "/blobs/"); n != 1 {
		t.Errorf("upstream was asked %d times for one blob", n)
	}
}

func TestReplicasWithoutRedisFetchForThemselves(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *site, redis *redistest.Server) {
		p := a.push("team/app:1.0", 50_000)
		redis.Stop()
		var wg sync.WaitGroup
		for _, s := range []*site{a, b} {
			wg.Go(func() {
				s.ask("GET", path("team/app/manifests/1.0"))
				if r := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); digest.FromBytes(r.body) != p.layers[0] {
					t.Errorf("%d %s %v", r.status, r.body, r.err)
				}
			})
		}
		wg.Wait()
		a.close()
		b.close()
		storagetest.Audit(t, a.driver)
		a.open()
		b.open()
	})
}

// Redis that goes while one replica waits for another must not leave it waiting.
func TestRedisGoesWhileAReplicaWaits(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *site, redis *redistest.Server) {
		p := a.push("team/app:1.0", 300_000)
		a.origin.Break(drip(10, 100*time.Millisecond))
		var wg sync.WaitGroup
		for _, s := range []*site{a, b} {
			wg.Go(func() {
				s.ask("GET", path("team/app/manifests/1.0"))
				if r := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); digest.FromBytes(r.body) != p.layers[0] {
					t.Errorf("%d, %d bytes, %v", r.status, len(r.body), r.err)
				}
			})
		}
		time.Sleep(300 * time.Millisecond)
		redis.Stop()
		wg.Wait()
	})
}

// A repository is not let into a fetch that another repository's access caused
// on another replica.
func TestReplicaProvesAccessBeforeItFollows(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *site, _ *redistest.Server) {
		p := a.push("team/app:1.0", 200_000)
		// Another repository's manifest names the same blobs, which it does not hold.
		raw, err := p.img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		a.origin.Put(t, "other/app", "1.0", "application/vnd.docker.distribution.manifest.v2+json", raw)
		inOther := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/other/app/blobs/") }
		slowly := drip(10, 50*time.Millisecond)
		a.origin.Break(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			if inOther(r) {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
			return slowly(w, r, reg)
		})
		a.ask("GET", path("team/app/manifests/1.0"))
		b.ask("GET", path("other/app/manifests/1.0"))
		done := make(chan answer)
		go func() { done <- a.ask("GET", path("team/app/blobs/%s", p.layers[0])) }()
		eventually(t, "the first replica asks", func() bool { return a.origin.Asked("GET", "/blobs/") == 1 })
		if r := b.ask("GET", path("other/app/blobs/%s", p.layers[0])); r.status != 404 {
			t.Errorf("got %d, %d bytes", r.status, len(r.body))
		}
		if r := <-done; digest.FromBytes(r.body) != p.layers[0] {
			t.Errorf("the first replica: %d, %d bytes", r.status, len(r.body))
		}
		if r := b.ask("GET", path("other/app/blobs/%s", p.layers[0])); r.status != 404 {
			t.Errorf("once it is stored: %d, %d bytes", r.status, len(r.body))
		}
	})
}

// replicaVariables tell a test binary to be a replica that pulls one blob.
const replicaVariables = "SALLYPORT_TEST_REPLICA"

// TestReplicaProcess is one replica that pulls a blob: in this process, or as
// one of its own that other tests start and kill.
func TestReplicaProcess(t *testing.T) {
	spec := os.Getenv(replicaVariables)
	if spec == "" {
		o := origin.New(t)
		p := pushTo(t, o, "team/app:1.0", 600_000)
		spec = strings.Join([]string{t.TempDir(), o.URL, redistest.Start(t).URL(), "1s", p.layers[0].String()}, " ")
	}
	part := strings.Split(spec, " ") // folder, upstream, Redis' socket, claimTTL, blob
	ttl, err := time.ParseDuration(part[3])
	if err != nil {
		t.Fatal(err)
	}
	s := newReplica(t, part[0], part[1], part[2], ttl)
	s.ask("GET", path("team/app/manifests/1.0"))
	r := s.ask("GET", path("team/app/blobs/%s", part[4]))
	if digest.FromBytes(r.body).String() != part[4] {
		t.Errorf("%d, %d bytes, %v", r.status, len(r.body), r.err)
	}
	eventually(t, "the blob is stored", func() bool {
		_, ok := s.content.stored(context.Background(), s.ref(), digest.Digest(part[4]))
		return ok
	})
}

// start starts this test binary as a replica that pulls one blob.
func start(t *testing.T, dir, upstream, redis string, ttl time.Duration, blob digest.Digest) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestReplicaProcess$")
	cmd.Env = append(os.Environ(), replicaVariables+"="+strings.Join([]string{dir, upstream, redis, ttl.String(), blob.String()}, " "))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestKilledWhileItFetches(t *testing.T) {
	redis := redistest.Start(t)
	o := origin.New(t)
	dir := t.TempDir()
	parts := func() []string {
		names, _ := filepath.Glob(filepath.Join(dir, "sallyport/fill/*.part"))
		return names
	}
	p := pushTo(t, o, "team/app:1.0", 600_000)
	o.Break(drip(20, 100*time.Millisecond))
	const ttl = time.Second
	first := start(t, dir, o.URL, redis.URL(), ttl, p.layers[0])
	defer first.Wait()
	defer first.Process.Kill()
	eventually(t, "the file grows", func() bool {
		for _, name := range parts() {
			if fi, err := os.Stat(name); err == nil && fi.Size() > 100_000 {
				return true
			}
		}
		return false
	})

	// One replica is following when the owner dies: its client notices nothing.
	follower := newReplica(t, dir, o.URL, redis.URL(), ttl)
	follower.ask("GET", path("team/app/manifests/1.0"))
	where := path("team/app/blobs/%s", p.layers[0])
	var began atomic.Bool
	done := make(chan answer, 1)
	go func() {
		began.Store(true)
		done <- follower.ask("GET", where)
	}()
	eventually(t, "it follows", func() bool { return began.Load() })
	time.Sleep(300 * time.Millisecond)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	died := time.Now()
	r := <-done
	if r.status != 200 || digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("the one that followed: %d, %d bytes, %v", r.status, len(r.body), r.err)
	}
	t.Logf("taken over and ended %s after the owner died", time.Since(died))
	if n := o.Asked("GET", "/blobs/"); n != 2 {
		t.Errorf("upstream was asked %d times: once by each is right", n)
	}
	follower.close()
	// What the dead one left goes at the next start.
	next := newReplica(t, dir, o.URL, redis.URL(), ttl)
	if r := next.ask("GET", where); digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("after a restart: %d, %d bytes", r.status, len(r.body))
	}
	next.close()
	if left := parts(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	storagetest.Audit(t, next.driver)
	follower.open()
	next.open()
}

func TestTwoProcessesFetchABlobOnce(t *testing.T) {
	redis := redistest.Start(t)
	o := origin.New(t)
	dir := t.TempDir()
	p := pushTo(t, o, "team/app:1.0", 600_000)
	o.Break(drip(10, 100*time.Millisecond))
	const ttl = time.Minute // neither dies
	a, b := start(t, dir, o.URL, redis.URL(), ttl, p.layers[0]), start(t, dir, o.URL, redis.URL(), ttl, p.layers[0])
	for _, cmd := range []*exec.Cmd{a, b} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a replica failed: %v", err)
		}
	}
	if n := o.Asked("GET", "/blobs/"); n != 1 {
		t.Errorf("upstream was asked %d times for one blob", n)
	}
	s := newReplica(t, dir, o.URL, redis.URL(), ttl)
	s.close()
	storagetest.Audit(t, s.driver)
	s.open()
}

// A replica that cannot see the other's file waits so long and no longer.
func TestWaitingForAReplicaEnds(t *testing.T) {
	redis := redistest.Start(t)
	d := inmemory.New()
	a := newSite(t, d, func(c *Config) { c.Redis, c.FillDir = redis.Client(), t.TempDir() })
	b := a.second(func(c *Config) { c.Redis, c.FillDir, c.ClaimWait = redis.Client(), t.TempDir(), 300*time.Millisecond })
	p := a.push("team/app:1.0", 100_000)
	var asked atomic.Int32
	hang := make(chan struct{})
	a.origin.Break(onBlobs(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if asked.Add(1) == 1 {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return true
		}
		return false
	}))
	a.ask("GET", path("team/app/manifests/1.0"))
	b.ask("GET", path("team/app/manifests/1.0"))
	where := path("team/app/blobs/%s", p.layers[0])
	done := make(chan struct{})
	go func() { defer close(done); a.ask("GET", where) }()
	eventually(t, "the first replica asks", func() bool { return asked.Load() == 1 })
	if r := b.ask("GET", where); digest.FromBytes(r.body) != p.layers[0] {
		t.Errorf("%d, %d bytes", r.status, len(r.body))
	}
	close(hang)
	<-done
}
