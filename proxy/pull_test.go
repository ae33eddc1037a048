package proxy

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// pull fetches an image whole, as crane does, which checks every digest in it.
func (s *site) pull(reference string, options ...crane.Option) (v1.Image, error) {
	img, err := crane.Pull(s.host+"/"+upstreamName+"/"+reference, append([]crane.Option{crane.Insecure}, options...)...)
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, r)
		r.Close()
		if err != nil {
			return nil, err
		}
	}
	_, err = img.RawConfigFile()
	return img, err
}

func TestPullByTagAndDigest(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d)
		p := s.push("team/app:1.0", 50_000)
		for _, ref := range []string{"team/app:1.0", "team/app@" + p.manifest.String()} {
			img, err := s.pull(ref)
			if err != nil {
				t.Fatalf("%s: %v", ref, err)
			}
			if got := describe(t, img).manifest; got != p.manifest {
				t.Errorf("%s: got %s", ref, got)
			}
		}
		for _, l := range append(p.layers, p.config) {
			if n := s.origin.Asked("GET", l.String()); n != 1 {
				t.Errorf("upstream was asked %d times for a blob", n)
			}
			if n := s.origin.Asked("HEAD", l.String()); n != 0 {
				t.Errorf("upstream got %d HEADs for a blob", n)
			}
		}
		if n := s.origin.Asked("GET", "/manifests/"); n != 1 {
			t.Errorf("upstream was asked %d times for the manifest", n)
		}
		// Another process on the same storage needs the upstream for nothing.
		s.close()
		s.origin.Stop()
		s.open()
		for _, ref := range []string{"team/app:1.0", "team/app@" + p.manifest.String()} {
			if _, err := s.pull(ref); err != nil {
				t.Errorf("after a restart with upstream down, %s: %v", ref, err)
			}
		}
		s.checkStore()
	})
}

func TestPullIndex(t *testing.T) {
	s := newSite(t, disk(t))
	idx, err := random.Index(1000, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.origin.Push(t, "team/multi:1.0", idx)
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := crane.Manifest(s.host+"/"+upstreamName+"/team/multi:1.0", crane.Insecure)
	want, _ := idx.RawManifest()
	if err != nil || string(got) != string(want) {
		t.Fatalf("the index: %v", err)
	}
	for _, child := range m.Manifests {
		if _, err := s.pull("team/multi@" + child.Digest.String()); err != nil {
			t.Errorf("child %s: %v", child.Digest, err)
		}
	}
}

func TestSixteenClientsOneFetch(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/app:1.0", 300_000)
	s.origin.Break(slowly)
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := s.pull("team/app:1.0"); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	for _, d := range append(p.layers, p.config) {
		if n := s.origin.Asked("GET", d.String()); n != 1 {
			t.Errorf("upstream was asked %d times for %s", n, d)
		}
	}
	if n := s.origin.Asked("GET", "/manifests/"); n != 1 {
		t.Errorf("upstream was asked %d times for the manifest", n)
	}
	if n := s.origin.Asked("HEAD", ""); n != 0 {
		t.Errorf("upstream got %d HEADs", n)
	}
}

// slowly has the registry answer with pauses.
func slowly(w http.ResponseWriter, r *http.Request, registry http.Handler) bool {
	registry.ServeHTTP(&slow{w}, r)
	return true
}

type slow struct{ http.ResponseWriter }

func (s *slow) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		time.Sleep(time.Millisecond)
		var m int
		m, err = s.ResponseWriter.Write(p[:min(len(p), 16_000)])
		s.ResponseWriter.(http.Flusher).Flush()
		n, p = n+m, p[m:]
	}
	return n, err
}

func TestSkopeo(t *testing.T) {
	skopeo := testenv.NeedCommand(t, "skopeo")
	s := newSite(t, disk(t))
	good, bad := s.push("team/good:1.0", 10_000), s.push("team/bad:1.0", 10_000)
	s.gate.deny(bad.manifest)
	run := func(ref string) (string, error) {
		out, err := exec.Command(skopeo, "--insecure-policy", "copy", "--src-tls-verify=false",
			"docker://"+s.host+"/"+upstreamName+"/"+ref, "dir:"+t.TempDir()).CombinedOutput()
		return string(out), err
	}
	for _, ref := range []string{"team/good:1.0", "team/good@" + good.manifest.String()} {
		if out, err := run(ref); err != nil {
			t.Errorf("%s: %v\n%s", ref, err, out)
		}
	}
	if out, err := run("team/bad:1.0"); err == nil || !strings.Contains(out, "policy DTA denies it: reverse shell") {
		t.Errorf("a denied image: %v\n%s", err, out)
	}
}

func TestNamesOfTheSameImage(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("library/app:1.0", 1000)
	for name, c := range map[string]struct{ path, host string }{
		"by path":              {path: path("library/app/manifests/1.0")},
		"by ns":                {path: "/v2/library/app/manifests/1.0?ns=" + upstreamName},
		"by default":           {path: "/v2/library/app/manifests/1.0"},
		"by Host":              {path: "/v2/library/app/manifests/1.0", host: "Host: " + upstreamName},
		"an escaped colon":     {path: path("library/app/manifests/sha256%%3A%s", p.manifest.Encoded())},
		"the registry shouted": {path: "/v2/" + strings.ToUpper(upstreamName) + "/library/app/manifests/1.0"},
	} {
		headers := []string{}
		if c.host != "" {
			headers = append(headers, c.host)
		}
		a := s.ask("GET", c.path, headers...)
		if a.status != 200 || a.header.Get("Docker-Content-Digest") != p.manifest.String() {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, req := range s.gate.asked {
		if req.Reference.Name() != upstreamName+"/library/app" {
			t.Errorf("the gate was asked about %s", req.Reference)
		}
	}
}

func TestTagFreshness(t *testing.T) {
	clock := newClock()
	s := newSite(t, inmemory.New(), clock.set)
	later := clock.turn
	digestNow := func() string {
		t.Helper()
		a := s.ask("HEAD", path("team/app/manifests/latest"))
		if a.status != 200 {
			t.Fatalf("status %d", a.status)
		}
		return a.header.Get("Docker-Content-Digest")
	}
	first := s.push("team/app:latest", 100)
	if d := digestNow(); d != first.manifest.String() {
		t.Errorf("got %s", d)
	}
	second := s.push("team/app:latest", 100)
	later(59 * time.Second)
	if d := digestNow(); d != first.manifest.String() || s.origin.Asked("HEAD", "") != 0 {
		t.Errorf("a fresh tag was asked again")
	}
	later(2 * time.Second)
	if d := digestNow(); d != second.manifest.String() || s.origin.Asked("HEAD", "/manifests/latest") != 1 {
		t.Errorf("an old tag was not asked again: %s", d)
	}
	third := s.push("team/app:latest", 100)
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	later(2 * time.Minute)
	if d := digestNow(); d != second.manifest.String() {
		t.Errorf("upstream says 429: got %s, want the tag as it was", d)
	}
	s.origin.Break(nil)
	later(staleFor + time.Second)
	if d := digestNow(); d != third.manifest.String() {
		t.Errorf("upstream is back: got %s", d)
	}
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	later(2 * time.Minute)
	if a := s.ask("GET", path("team/app/manifests/latest")); a.status != 404 || a.code() != "MANIFEST_UNKNOWN" {
		t.Errorf("a tag that was deleted upstream: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", path("team/app/manifests/%s", third.manifest)); a.status != 200 {
		t.Errorf("by digest, stored: %d", a.status)
	}
}

// What a tag means now is asked; what is stored already is not fetched again.
func TestTagMovesToWhatIsStored(t *testing.T) {
	clock := newClock()
	s := newSite(t, inmemory.New(), clock.set)
	old := s.push("team/app:1.0", 100)
	moved := s.push("team/app:1.1", 100)
	for _, tag := range []string{"1.0", "1.1"} {
		if a := s.ask("GET", path("team/app/manifests/%s", tag)); a.status != 200 {
			t.Fatal(a.status)
		}
	}
	s.origin.Push(t, "team/app:1.0", moved.img)
	for _, want := range []pushed{moved, old} {
		clock.turn(2 * time.Minute)
		s.origin.Forget()
		if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 200 || digest.FromBytes(a.body) != want.manifest {
			t.Errorf("%d %s", a.status, a.header)
		}
		if heads, gets := s.origin.Asked("HEAD", "/manifests/"), s.origin.Asked("GET", "/manifests/"); heads != 1 || gets != 0 {
			t.Errorf("upstream was asked %d times for the tag, %d for what is stored", heads, gets)
		}
		s.origin.Push(t, "team/app:1.0", old.img)
	}
	s.content.allWritten(t.Context())
	if d, err := s.content.store.Repository(upstreamName+"/team/app").Tag(t.Context(), "1.0"); err != nil || d != old.manifest {
		t.Errorf("the tag is stored as %s, %v", d, err)
	}
}

func TestAClockThatJumpsBackKeepsNoTag(t *testing.T) {
	c := newClock()
	s := newSite(t, inmemory.New(), c.set)
	s.push("team/app:latest", 100)
	s.ask("HEAD", path("team/app/manifests/latest"))
	second := s.push("team/app:latest", 100)
	c.turn(-24 * time.Hour)
	if a := s.ask("HEAD", path("team/app/manifests/latest")); a.header.Get("Docker-Content-Digest") != second.manifest.String() {
		t.Errorf("the tag is believed to be fresh for a day: %v", a.header)
	}
}

func TestContentForTheInspector(t *testing.T) {
	ctx := context.Background()
	s := newSite(t, disk(t))
	p := s.push("team/app:1.0", 5000)
	ref, err := image.New(upstreamName, "team/app", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.content.Blob(ctx, ref.WithDigest(p.manifest), p.config); err == nil {
		t.Error("a blob of a manifest that nobody fetched was opened")
	}
	m, err := s.content.Manifest(ctx, ref)
	if err != nil || m.Digest != p.manifest || digest.FromBytes(m.Raw) != p.manifest || m.MediaType == "" {
		t.Fatalf("got %s %s %v", m.Digest, m.MediaType, err)
	}
	r, err := s.content.Blob(ctx, ref.WithDigest(p.manifest), p.config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || digest.FromBytes(b) != p.config {
		t.Errorf("the configuration: %v", err)
	}
	if !s.content.IsUpstream(upstreamName) || s.content.IsUpstream("docker.io") {
		t.Error("IsUpstream is wrong")
	}
}
