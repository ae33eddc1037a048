package main

import (
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// upstream is a registry in memory that counts what it is asked, and can be
// made to look far away.
type upstream struct {
	host    string
	handler http.Handler
	server  *httptest.Server

	mu          sync.Mutex
	latency     time.Duration
	rate        float64 // bytes per second that all answers share; 0 for no limit
	free        time.Time
	gets, heads map[string]int // of blobs, by path
}

func newUpstream() *upstream {
	u := &upstream{handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	u.server = httptest.NewServer(u)
	u.host = strings.TrimPrefix(u.server.URL, "http://")
	u.set(0, 0)
	return u
}

// set moves the upstream, and forgets what was counted.
func (u *upstream) set(latency time.Duration, rate float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latency, u.rate = latency, rate
	u.gets, u.heads = map[string]int{}, map[string]int{}
}

// perBlob is how often each blob was asked for since set.
func (u *upstream) perBlob() (gets, heads float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.gets {
		gets += float64(n)
	}
	for _, n := range u.heads {
		heads += float64(n)
	}
	blobs := float64(max(1, len(u.gets)))
	return gets / blobs, heads / blobs
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	if strings.Contains(r.URL.Path, "/blobs/sha256:") {
		if r.Method == http.MethodHead {
			u.heads[r.URL.Path]++
		} else {
			u.gets[r.URL.Path]++
		}
	}
	latency, rate := u.latency, u.rate
	u.mu.Unlock()
	time.Sleep(latency)
	if rate > 0 {
		w = &link{w, u}
	}
	u.handler.ServeHTTP(w, r)
}

// link sends an answer over the bandwidth that all share.
type link struct {
	http.ResponseWriter
	u *upstream
}

func (l *link) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		part := p[:min(len(p), 256<<10)]
		l.u.mu.Lock()
		if now := time.Now(); l.u.free.Before(now) {
			l.u.free = now
		}
		l.u.free = l.u.free.Add(time.Duration(float64(len(part)) / l.u.rate * float64(time.Second)))
		wait := time.Until(l.u.free)
		l.u.mu.Unlock()
		time.Sleep(wait)
		var k int
		k, err = l.ResponseWriter.Write(part)
		n += k
		p = p[len(part):]
	}
	return n, err
}

// push stores a linux/amd64 image of layers that do not compress.
func (u *upstream) push(at string, layers int, size int64) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	adds := make([]mutate.Addendum, layers)
	for i := range adds {
		layer, err := random.Layer(size, types.OCIUncompressedLayer, random.WithSource(rand.NewSource(size+int64(i))))
		if err != nil {
			return nil, err
		}
		adds[i].Layer = layer
	}
	img, err := mutate.Append(img, adds...)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	ref, err := name.ParseReference(u.host + "/" + at)
	if err != nil {
		return nil, err
	}
	return img, remote.Write(ref, img)
}
