package upstream

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

// turned is a registry whose clock the test turns.
func turned(t *testing.T, cfg Config) (*Registry, func(time.Duration)) {
	t.Helper()
	var mu sync.Mutex
	now := time.Now()
	r := at(t, cfg)
	r.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	return r, func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
}

func status(code int, headers ...string) origin.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		for _, h := range headers {
			k, v, _ := strings.Cut(h, ": ")
			w.Header().Set(k, v)
		}
		w.WriteHeader(code)
		return true
	}
}

func TestAMirrorThatFailsIsLeftOut(t *testing.T) {
	ctx, mirror, home := context.Background(), origin.New(t), origin.New(t)
	img := pushed(t, home)
	mirror.Push(t, "team/app:1.0", img)
	r, later := turned(t, Config{Endpoints: []string{mirror.URL, home.URL}})
	pull := func() {
		t.Helper()
		if m, err := r.Manifest(ctx, "team/app", "1.0"); err != nil || m.Digest != digestOf(t, img) {
			t.Fatal(err)
		}
	}
	mirror.Break(status(http.StatusBadRequest)) // which nobody tries twice
	asked := func() int { n := mirror.Asked("GET", "/manifests/"); mirror.Forget(); return n }
	pull()
	if n := asked(); n != 1 {
		t.Fatalf("the mirror was asked %d times", n)
	}
	for range 5 {
		pull()
	}
	if n := asked(); n != 0 {
		t.Errorf("it was asked %d times although it just failed", n)
	}
	// Each time that it fails again it is left alone for longer, up to a minute.
	for _, wait := range []time.Duration{2, 3, 5, 10, 20, 40, 72, 72} {
		later(wait * time.Second)
		pull()
		pull()
		if n := asked(); n != 1 {
			t.Errorf("after %d s it was asked %d times, want one to find out", wait, n)
		}
	}
	mirror.Break(nil)
	later(72 * time.Second)
	for range 3 {
		pull()
	}
	if n := asked(); n != 3 {
		t.Errorf("it is back, and was asked %d times of 3", n)
	}
	// To lack something is no failure.
	home.Push(t, "team/app:2.0", img)
	for range 3 {
		if _, err := r.Manifest(ctx, "team/app", "2.0"); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked(); n != 3 {
		t.Errorf("it lacks an image, and was asked %d times of 3", n)
	}
}

func TestOneQuestionFindsOutWhetherAMirrorIsBack(t *testing.T) {
	ctx, mirror, home := context.Background(), origin.New(t), origin.New(t)
	img := pushed(t, home)
	mirror.Push(t, "team/app:1.0", img)
	r, later := turned(t, Config{Endpoints: []string{mirror.URL, home.URL}})
	mirror.Break(status(http.StatusBadRequest))
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Fatal(err)
	}
	mirror.Forget()
	later(time.Minute)
	held, release := make(chan struct{}), make(chan struct{})
	mirror.Break(func(http.ResponseWriter, *http.Request, http.Handler) bool {
		close(held)
		<-release
		return false
	})
	first := make(chan error)
	go func() { _, err := r.Manifest(ctx, "team/app", "1.0"); first <- err }()
	<-held
	for range 10 {
		if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
			t.Error(err)
		}
	}
	if n := mirror.Asked("GET", "/manifests/"); n != 1 {
		t.Errorf("%d questions went to a mirror that may be down", n)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestAllLeftOut(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	img := pushed(t, o)
	r, later := turned(t, Config{Endpoints: []string{o.URL}})
	o.Break(status(http.StatusBadRequest))
	if _, err := r.Resolve(ctx, "team/app", "1.0"); err == nil {
		t.Fatal("no error")
	}
	o.Break(nil)
	o.Forget()
	// Who has an older answer does not wait for a registry that just failed...
	_, err := r.Resolve(ctx, "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault || o.Asked("HEAD", "") != 0 {
		t.Errorf("got %v", err)
	}
	// ...but who has none asks all the same, and that tells that it is back.
	if m, err := r.Manifest(ctx, "team/app", "1.0"); err != nil || m.Digest != digestOf(t, img) {
		t.Error(err)
	}
	if d, err := r.Resolve(ctx, "team/app", "1.0"); err != nil || d != digestOf(t, img) {
		t.Error(err)
	}
	// A clock that jumps back does not leave it out for longer.
	o.Break(status(http.StatusBadRequest))
	if _, err := r.Resolve(ctx, "team/app", "1.0"); err == nil {
		t.Fatal("no error")
	}
	o.Break(nil)
	later(-24 * time.Hour)
	if _, err := r.Resolve(ctx, "team/app", "1.0"); err != nil {
		t.Error(err)
	}
}

func TestBackOffGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &health{}
		if !h.usable(time.Now()) {
			t.Fatal("an endpoint that was never asked is left out")
		}
		for want := firstBackOff; ; want *= 2 {
			h.failed(time.Now())
			h.failed(time.Now()) // of the same moment, so it counts once
			most := min(want, maxBackOff)
			time.Sleep(most * 79 / 100)
			if h.usable(time.Now()) {
				t.Errorf("usable again before %s", most*8/10)
			}
			time.Sleep(most * 42 / 100)
			if !h.usable(time.Now()) {
				t.Errorf("not usable after %s", most*12/10)
			}
			if h.usable(time.Now()) {
				t.Error("two questions find out whether it is back")
			}
			if want > 4*maxBackOff {
				break
			}
		}
		h.abandoned()
		if !h.usable(time.Now()) {
			t.Error("a question that was given up keeps others from finding out")
		}
		h.answered()
		for range 2 { // not only who finds it out
			if !h.usable(time.Now()) || !h.healthy() {
				t.Error("it answered and is still left out")
			}
		}
	})
}

func TestConcurrentRequestsAreLimited(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	img := pushed(t, o)
	r := at(t, Config{Endpoints: []string{o.URL}, Requests: 2})
	layers, _ := img.Layers()
	h, _ := layers[0].Digest()
	d := digest.Digest(h.String())
	// A blob that is being read counts until it is closed.
	var open []io.Closer
	for range 2 {
		body, _, _, err := r.Blob(ctx, "team/app", d, 0)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, body)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := r.HasBlob(short, "team/app", d); err != context.DeadlineExceeded {
		t.Errorf("a third question went through: %v", err)
	}
	open[0].Close()
	open[0].Close()
	if err := r.HasBlob(ctx, "team/app", d); err != nil {
		t.Error(err)
	}
	open[1].Close()
	// Every way out gives the place back.
	for _, f := range []origin.Fault{status(404), status(500), status(429), func(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }} {
		o.Break(f)
		for range 3 {
			_ = r.HasBlob(ctx, "team/app", d)
			_, _ = r.Manifest(ctx, "team/app", "1.0")
		}
	}
	if n := len(r.endpoints[0].slots); n != 0 {
		t.Errorf("%d places are held by nobody", n)
	}
}
