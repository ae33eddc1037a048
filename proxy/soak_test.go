package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/sallyport-dev/sallyport/gate"
)

// soakFor is how long the soak lasts: SOAK, or long enough to see a leak that
// each pull causes. `make soak` runs it for ten minutes.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%s: %v", text, err)
	}
	return d
}

// TestSoak pulls in every way at once, with clients that leave, an upstream
// that breaks connections, and a gate that changes its mind. At the end memory,
// descriptors and goroutines are where they were, and what is stored is right.
func TestSoak(t *testing.T) {
	root, lasts := t.TempDir(), soakFor(t)
	s := newSite(t, filesystem.New(filesystem.DriverParameters{RootDirectory: root, MaxThreads: 100}), func(c *Config) {
		c.TagFreshness = 50 * time.Millisecond
	})
	const images = 40
	all := make([]pushed, images)
	for i := range all {
		all[i] = s.push(fmt.Sprintf("soak/app%d:v1", i), 200_000)
	}
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, registry http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || rand.IntN(20) > 0 {
			return false
		}
		// Half of the blob, and then the connection is gone.
		registry.ServeHTTP(&cut{ResponseWriter: w, left: 100_000}, r)
		panic(http.ErrAbortHandler)
	})
	var pulls, denials, left, broken atomic.Int64
	load := func(d time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var wg sync.WaitGroup
		for range 4 * runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for ctx.Err() == nil {
					i := rand.IntN(images)
					switch rand.IntN(10) {
					case 0:
						s.leave(i, all[i])
						left.Add(1)
					case 1:
						s.gate.deny(all[i].manifest)
						denials.Add(1)
						s.gate.say(all[i].manifest, gate.Decision{Action: gate.Allow})
					case 2:
						s.ask("GET", path("soak/app%d/blobs/%s", i, all[i].layers[0]), fmt.Sprintf("Range: bytes=%d-", rand.IntN(200_000)))
					case 3:
						s.ask("HEAD", path("soak/app%d/manifests/v1", i))
						s.ask("GET", path("soak/app%d/tags/list", i))
						s.ask("GET", path("soak/app%d/referrers/%s", i, all[i].manifest))
					default:
						err := s.fetch(fmt.Sprintf("soak/app%d:v1", i))
						if err == nil {
							pulls.Add(1)
						} else if brokenBefore(err) {
							broken.Add(1)
						} else if !strings.Contains(err.Error(), "DENIED") {
							t.Errorf("a pull: %v", err)
						}
					}
				}
			})
		}
		wg.Wait()
	}
	load(lasts / 4) // until pools and caches are filled
	before := s.burden()
	load(lasts - lasts/4)
	after := s.burden()
	t.Logf("%d pulls, %d denials, %d clients left, %d broken off; before %v, after %v", pulls.Load(), denials.Load(), left.Load(), broken.Load(), before, after)
	if pulls.Load() == 0 || denials.Load() == 0 || left.Load() == 0 {
		t.Error("the soak did not do all that it should")
	}
	if broken.Load() > pulls.Load()/20 {
		t.Errorf("%d of %d pulls were broken off, more than a breaking upstream explains", broken.Load(), pulls.Load())
	}
	// Some room: idle connections come and go, and heaps are not exact.
	if after.goroutines > before.goroutines+20 {
		t.Errorf("goroutines: %d, then %d\n%s", before.goroutines, after.goroutines, stacks())
	}
	if after.descriptors > before.descriptors+20 {
		t.Errorf("descriptors: %d, then %d", before.descriptors, after.descriptors)
	}
	if after.heap > before.heap+before.heap/2+(16<<20) {
		t.Errorf("heap: %d bytes, then %d", before.heap, after.heap)
	}
	s.origin.Break(nil)
	for i, p := range all {
		s.gate.say(p.manifest, gate.Decision{Action: gate.Allow})
		if err := s.fetch(fmt.Sprintf("soak/app%d:v1", i)); err != nil {
			t.Errorf("afterwards, image %d: %v", i, err)
		}
	}
	s.close()
	s.checkStore()
	s.open() // for the site's own end
}

// fetch pulls an image whole over connections that all pulls share.
func (s *site) fetch(reference string) error {
	_, err := s.pull(reference, crane.WithTransport(http.DefaultTransport))
	return err
}

// leave asks for a blob and goes away in the middle.
func (s *site) leave(i int, p pushed) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+path("soak/app%d/blobs/%s", i, p.layers[1]), nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, 1000)
		cancel()
		resp.Body.Close()
	}
}

// brokenBefore tells whether a pull failed because the upstream kept breaking
// off, or because its own image was cut off on the way to a client.
func brokenBefore(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "UNAVAILABLE") || strings.Contains(err.Error(), "connection reset")
}

// cut breaks a connection off after so many bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		err = io.ErrShortWrite
	}
	return n, err
}

// burden is what the process holds at rest.
type burden struct {
	goroutines, descriptors int
	heap                    uint64
}

func (b burden) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d MiB of heap", b.goroutines, b.descriptors, b.heap>>20)
}

// burden waits until fills have ended and idle connections are gone.
func (s *site) burden() burden {
	s.t.Helper()
	var b burden
	for range 20 {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		time.Sleep(100 * time.Millisecond)
		n := runtime.NumGoroutine()
		if n == b.goroutines {
			break
		}
		b.goroutines = n
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		s.t.Fatal(err)
	}
	b.descriptors = len(fds)
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.heap = m.HeapAlloc
	return b
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
