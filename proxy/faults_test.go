package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

// onBlobs has a fault concern blobs only.
func onBlobs(f origin.Fault) origin.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) bool {
		return strings.Contains(r.URL.Path, "/blobs/") && f(w, r, registry)
	}
}

// reply is what the registry would answer.
func reply(r *http.Request, registry http.Handler) []byte {
	plain := r.Clone(r.Context())
	plain.Header.Del("Range")
	rec := httptest.NewRecorder()
	registry.ServeHTTP(rec, plain)
	return rec.Body.Bytes()
}

func TestUpstreamFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  origin.Fault
		status int    // of a blob's GET; 200 when it fails on the way or not at all
		works  bool   // the client gets the right bytes
		code   string // if not 200
	}{
		{name: "a flipped bit", status: 200, fault: func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := reply(r, reg)
			b[len(b)/2] ^= 1
			_, _ = w.Write(b)
			return true
		}},
		{name: "a byte too many", status: 502, code: "DIGEST_INVALID", fault: func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := append(reply(r, reg), 'x')
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
			return true
		}},
		{name: "a byte too many, without Content-Length", status: 200, fault: func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := append(reply(r, reg), 'x')
			w.(http.Flusher).Flush()
			_, _ = w.Write(b)
			return true
		}},
		{name: "cut off every time, no ranges", status: 200, fault: func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := reply(r, reg)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b[:len(b)/2])
			panic(http.ErrAbortHandler)
		}},
		{name: "cut off at each third, with ranges", status: 200, works: true, fault: func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := reply(r, reg)
			from := 0
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
				w.Header().Set("Content-Length", strconv.Itoa(len(b)-from))
				w.WriteHeader(http.StatusPartialContent)
			} else {
				w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			}
			_, _ = w.Write(b[from:min(len(b), from+len(b)/3+1)])
			panic(http.ErrAbortHandler)
		}},
		{name: "an empty answer", status: 502, code: "DIGEST_INVALID", fault: func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool { return true }},
		{name: "500", status: 502, code: "UNAVAILABLE", fault: status(500)},
		{name: "404", status: 404, code: "BLOB_UNKNOWN", fault: status(404)},
		{name: "429", status: 429, code: "TOOMANYREQUESTS", fault: status(429)},
		{name: "403", status: 403, code: "DENIED", fault: status(403)},
		{name: "a connection that is reset", status: 502, code: "UNAVAILABLE", fault: func(http.ResponseWriter, *http.Request, http.Handler) bool {
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			s := newSite(t, disk(t), clock.set)
			p := s.push("team/app:1.0", 60_000)
			s.ask("GET", path("team/app/manifests/1.0"))
			s.origin.Break(onBlobs(c.fault))
			where := path("team/app/blobs/%s", p.layers[0])
			a := s.ask("GET", where)
			right := digest.FromBytes(a.body) == p.layers[0] && a.err == nil
			if c.status == 200 && !c.works && len(a.body) < 60_000 && (a.status == 0 || a.code() == "DIGEST_INVALID") {
				a.status, c.code, a.err = 200, a.code(), io.ErrUnexpectedEOF // seen before the first byte was sent
			}
			if a.status != c.status || a.code() != c.code || right != c.works {
				t.Errorf("got %d %s, %d bytes, %v", a.status, a.code(), len(a.body), a.err)
			}
			if c.status == 200 && !c.works && a.err == nil {
				t.Error("a wrong blob ended as if it were whole")
			}
			if strings.Contains(string(a.body), s.origin.Host) {
				t.Errorf("the answer gives upstream's address away: %s", a.body)
			}
			// As soon as upstream is well again, so are we.
			s.origin.Break(nil)
			clock.turn(time.Minute) // as a 429 without a Retry-After is obeyed for a while
			if b := s.ask("GET", where); b.status != 200 || digest.FromBytes(b.body) != p.layers[0] {
				t.Errorf("afterwards: %d, %d bytes", b.status, len(b.body))
			}
			s.close()
			s.checkStore()
			s.open()
		})
	}
}

func status(code int) origin.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.WriteHeader(code)
		return true
	}
}

func TestUpstreamFaultsOnManifests(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  origin.Fault
		status int
		code   string
	}{
		{"500", status(500), 502, "UNAVAILABLE"},
		{"404", status(404), 404, "MANIFEST_UNKNOWN"},
		{"401", status(401), 403, "DENIED"},
		{"429", status(429), 429, "TOOMANYREQUESTS"},
		{"cut off", func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := reply(r, reg)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b[:len(b)/2])
			panic(http.ErrAbortHandler)
		}, 502, "UNAVAILABLE"},
		{"cut off, as if it were whole", func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			b := reply(r, reg)
			_, _ = w.Write(b[:len(b)/2])
			return true
		}, 502, "MANIFEST_INVALID"},
		{"another digest than it says", func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
			w.Header().Set("Docker-Content-Digest", digest.FromString("other").String())
			_, _ = w.Write(reply(r, reg))
			return true
		}, 502, "UNAVAILABLE"},
		{"a reset connection", func(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }, 502, "UNAVAILABLE"},
		{"an HTML page", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			_, _ = io.WriteString(w, "<html>maintenance</html>")
			return true
		}, 502, "MANIFEST_INVALID"},
		{"schema 1", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")
			_, _ = io.WriteString(w, `{"schemaVersion":1,"fsLayers":[]}`)
			return true
		}, 415, "UNSUPPORTED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, inmemory.New())
			s.push("team/app:1.0", 100)
			s.origin.Break(func(w http.ResponseWriter, r *http.Request, reg http.Handler) bool {
				return r.URL.Path != "/v2/" && c.fault(w, r, reg)
			})
			a := s.ask("GET", path("team/app/manifests/1.0"))
			if a.status != c.status || a.code() != c.code || a.message() == "" || strings.Contains(a.message(), s.origin.Host) {
				t.Errorf("got %d %s", a.status, a.body)
			}
			s.checkStore()
		})
	}
	t.Run("down from the beginning", func(t *testing.T) {
		s := newSite(t, inmemory.New())
		s.origin.Stop()
		if a := s.ask("GET", "/v2/"); a.status != 200 {
			t.Errorf("the base: %d", a.status)
		}
		if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 502 || a.code() != "UNAVAILABLE" || strings.Contains(a.message(), s.origin.Host) {
			t.Errorf("a manifest: %d %s", a.status, a.body)
		}
	})
}

func TestClientThatLeavesDoesNotSpoilTheBlob(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d)
		p := s.push("team/app:1.0", 400_000)
		s.ask("GET", path("team/app/manifests/1.0"))
		s.origin.Break(slowly)
		ctx, cancel := context.WithCancel(context.Background())
		req, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+path("team/app/blobs/%s", p.layers[0]), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		cancel()
		resp.Body.Close()
		eventually(t, "the blob is stored although its client left", func() bool {
			_, ok := s.content.stored(context.Background(), s.ref(), p.layers[0])
			return ok
		})
		if n := s.origin.Asked("GET", p.layers[0].String()); n != 1 {
			t.Errorf("fetched %d times", n)
		}
		if a := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); digest.FromBytes(a.body) != p.layers[0] {
			t.Errorf("afterwards: %d", a.status)
		}
		s.checkStore()
	})
}

func TestKnowingADigestOpensNothing(t *testing.T) {
	s := newSite(t, disk(t))
	secret := s.push("team/secret:1.0", 3000)
	if _, err := s.pull("team/secret:1.0"); err != nil {
		t.Fatal(err)
	}
	// Somebody writes a manifest in a repository of theirs that names the
	// secret's layer, which their repository does not hold.
	own := s.push("mallory/app:1.0", 100)
	forged := []byte(fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"c","digest":"%s","size":2},"layers":[{"mediaType":"l","digest":"%s","size":3000}]}`,
		own.config, secret.layers[0]))
	s.origin.Put(t, "mallory/app", "2.0", "application/vnd.oci.image.manifest.v1+json", forged)
	if a := s.ask("GET", path("mallory/app/manifests/2.0")); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	// The tests' registry shares blobs between repositories; a real one does not.
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.Contains(r.URL.Path, "/mallory/app/blobs/"+secret.layers[0].String()) {
			w.WriteHeader(404)
			return true
		}
		return false
	})
	if a := s.ask("GET", path("mallory/app/blobs/%s", secret.layers[0])); a.status != 404 || a.code() != "BLOB_UNKNOWN" {
		t.Errorf("got %d, %d bytes", a.status, len(a.body))
	}
	// Whose repository does hold it gets it without another transfer.
	s.origin.Break(nil)
	s.origin.Forget()
	if a := s.ask("GET", path("mallory/app/blobs/%s", secret.layers[0])); a.status != 200 || digest.FromBytes(a.body) != secret.layers[0] {
		t.Errorf("held there too: %d", a.status)
	}
	if n := s.origin.Asked("GET", "/blobs/"); n != 0 {
		t.Errorf("fetched %d times again", n)
	}
}

func TestLeftoversOfAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	d := filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100})
	if err := os.MkdirAll(filepath.Join(dir, "sallyport/fill"), 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "sallyport/fill/123.part")
	if err := os.WriteFile(left, []byte("half a blob"), 0o600); err != nil {
		t.Fatal(err)
	}
	newSite(t, d)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestHeadStartsNoTransfer(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/app:1.0", 50_000)
	s.ask("GET", path("team/app/manifests/1.0"))
	s.origin.Forget()
	a := s.ask("HEAD", path("team/app/blobs/%s", p.layers[0]))
	m, _ := p.img.Manifest()
	if a.status != 200 || a.header.Get("Content-Length") != strconv.FormatInt(m.Layers[0].Size, 10) || a.header.Get("Docker-Content-Digest") != p.layers[0].String() {
		t.Errorf("%d %v", a.status, a.header)
	}
	if n := s.origin.Asked("GET", "") + s.origin.Asked("HEAD", ""); n != 0 {
		t.Errorf("upstream was asked %d times", n)
	}
}

func TestRange(t *testing.T) {
	const end = 1 << 30 // stands for the blob's size
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d)
		for _, warm := range []bool{false, true} {
			for i, c := range []struct {
				header   string
				status   int
				from, to int
			}{
				{"bytes=0-0", 206, 0, 1},
				{"bytes=100-199", 206, 100, 200},
				{"bytes=49000-", 206, 49_000, end},
				{"bytes=-10", 206, end - 10, end},
				{"bytes=10-99999999", 206, 10, end},
				{"bytes=0-0,5-6", 200, 0, end},
				{"bytes=5-2", 200, 0, end},
				{"bytes=abc", 200, 0, end},
				{"pages=1-2", 200, 0, end},
				{"bytes=+1-2", 200, 0, end},
				{"bytes=99999999-", 416, 0, 0},
				{"bytes=-0", 416, 0, 0},
			} {
				p := s.push(fmt.Sprintf("team/app:%v-%d", warm, i), 50_000)
				s.ask("GET", path("team/app/manifests/%s", p.manifest))
				where := path("team/app/blobs/%s", p.layers[0])
				if warm {
					s.ask("GET", where)
					eventually(t, "the blob is stored", func() bool {
						_, ok := s.content.stored(context.Background(), s.ref(), p.layers[0])
						return ok
					})
				}
				a := s.ask("GET", where, "Range: "+c.header)
				whole := s.ask("GET", where).body
				size := len(whole)
				if a.status != c.status {
					t.Errorf("warm=%v %s: %d %s", warm, c.header, a.status, a.message())
					continue
				}
				if c.status == 416 {
					if a.code() != "RANGE_INVALID" || a.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
						t.Errorf("warm=%v %s: %v %s", warm, c.header, a.header, a.body)
					}
					continue
				}
				from, to := c.from, c.to
				if from >= end-10 {
					from -= end - size
				}
				if to == end {
					to = size
				}
				if string(a.body) != string(whole[from:to]) {
					t.Errorf("warm=%v %s: %d other bytes", warm, c.header, len(a.body))
				}
			}
		}
	})
}

func TestMetrics(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 1000)
	s.ask("GET", path("team/app/manifests/1.0"))
	s.ask("GET", path("team/app/blobs/%s", p.layers[0]))
	s.ask("GET", path("team/none/manifests/1.0"))
	s.ask("BREW", path("team/app/manifests/1.0"))
	s.content.fills.Close()
	got := map[string]float64{}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			key := f.GetName()
			for _, l := range m.Label {
				key += " " + l.GetValue()
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for _, key := range []string{
		"sallyport_proxy_requests_total GET manifest 200", "sallyport_proxy_requests_total GET blob 200",
		"sallyport_proxy_requests_total GET manifest 404", "sallyport_proxy_requests_total other manifest 405",
		"sallyport_proxy_fills_total kept", "sallyport_proxy_upstream_errors_total not_found " + upstreamName,
		"sallyport_proxy_upstream_healthy " + s.origin.Host + " " + upstreamName,
	} {
		if got[key] != 1 {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	if got["sallyport_proxy_fill_bytes_total"] < 1000 {
		t.Errorf("fill bytes: %v", got["sallyport_proxy_fill_bytes_total"])
	}
}

func TestWarmBlobIsSentByTheKernel(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/app:1.0", 5000)
	if _, err := s.pull("team/app:1.0"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the blob is stored", func() bool {
		_, ok := s.content.stored(context.Background(), s.ref(), p.layers[0])
		return ok
	})
	var files atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.proxy.Handler().ServeHTTP(&sniffer{w, &files}, r)
	}))
	defer server.Close()
	resp, err := http.Get(server.URL + path("team/app/blobs/%s", p.layers[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || digest.FromBytes(b) != p.layers[0] {
		t.Error(err)
	}
	if files.Load() != 1 {
		t.Error("the blob's file did not reach the connection as a file")
	}
}

// sniffer notices a file that is handed to ReadFrom, as http.response does.
type sniffer struct {
	http.ResponseWriter
	files *atomic.Int32
}

func (s *sniffer) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			s.files.Add(1)
		}
	}
	return io.Copy(s.ResponseWriter, r)
}
