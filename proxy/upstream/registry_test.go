package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

func pushed(t *testing.T, o *origin.Origin) v1.Image {
	t.Helper()
	img, err := random.Image(2048, 2)
	if err != nil {
		t.Fatal(err)
	}
	o.Push(t, "team/app:1.0", img)
	return img
}

func at(t *testing.T, cfg Config) *Registry {
	t.Helper()
	cfg.Registry = "registry.test"
	l, err := NewList([]Config{cfg}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	r, err := l.Registry("registry.test")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func digestOf(t *testing.T, img v1.Image) digest.Digest {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.Digest(d.String())
}

func TestFetch(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	img := pushed(t, o)
	r := at(t, Config{Endpoints: []string{o.URL}})
	want := digestOf(t, img)
	if d, err := r.Resolve(ctx, "team/app", "1.0"); err != nil || d != want {
		t.Errorf("the tag is %s %v, want %s", d, err, want)
	}
	for _, which := range []string{"1.0", want.String()} {
		if m, err := r.Manifest(ctx, "team/app", which); err != nil || m.Digest != want || want.Algorithm().FromBytes(m.Raw) != want {
			t.Errorf("%s: got %s %v", which, m.Digest, err)
		}
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h, _ := layers[0].Digest()
	size, _ := layers[0].Size()
	body, from, total, err := r.Blob(ctx, "team/app", digest.Digest(h.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil || from != 0 || total != size || digest.FromBytes(b) != digest.Digest(h.String()) {
		t.Errorf("blob from %d of %d, %v", from, total, err)
	}
	if err := r.HasBlob(ctx, "team/app", digest.Digest(h.String())); err != nil {
		t.Error(err)
	}
	tags, next, err := r.Tags(ctx, "team/app", nil)
	if err != nil || len(tags) != 1 || tags[0] != "1.0" || next != nil {
		t.Errorf("tags %v %v %v", tags, next, err)
	}
}

func TestFailures(t *testing.T) {
	answer := func(status int) origin.Fault {
		return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			return true
		}
	}
	body := func(b string) origin.Fault {
		return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path == "/v2/" {
				return false
			}
			_, _ = io.WriteString(w, b)
			return true
		}
	}
	for _, c := range []struct {
		name  string
		fault origin.Fault
		which string
		kind  Kind
		says  string
	}{
		{"not there", nil, "2.0", NotFound, "registry.test has no team/app:2.0"},
		{"needs credentials", answer(401), "1.0", Refused, "needs credentials"},
		{"forbidden", answer(403), "1.0", Refused, "refuses team/app:1.0"},
		{"limited", answer(429), "1.0", Limited, "limits this gate's requests"},
		{"broken", answer(500), "1.0", Fault, "it answered 500"},
		{"another digest", body("{}"), "sha256:" + strings.Repeat("0", 64), Fault, "another digest"},
		{"a manifest without end", body(strings.Repeat("x", MaxManifest+1)), "1.0", Fault, "larger than 4 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := origin.New(t)
			pushed(t, o)
			o.Break(c.fault)
			_, err := at(t, Config{Endpoints: []string{o.URL}}).Manifest(context.Background(), "team/app", c.which)
			kind, ok := KindOf(err)
			if !ok || kind != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v (%v)", err, kind)
			}
			if strings.Contains(err.Error(), o.Host) {
				t.Errorf("the error gives the upstream's address away: %v", err)
			}
			if e := err.(*Error); c.kind == Limited && (e.RetryAfter > 7*time.Second || e.RetryAfter < 6*time.Second) {
				t.Errorf("RetryAfter is %s", e.RetryAfter)
			}
		})
	}
}

func TestDownAndMirrors(t *testing.T) {
	ctx, o, down := context.Background(), origin.New(t), origin.New(t)
	img := pushed(t, o)
	down.Stop()
	empty := origin.New(t)

	_, err := at(t, Config{Endpoints: []string{down.URL}}).Manifest(ctx, "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault || strings.Contains(err.Error(), down.Host) {
		t.Errorf("down: got %v", err)
	}
	for name, endpoints := range map[string][]string{
		"the first mirror is down":      {down.URL, o.URL},
		"the first mirror lacks it":     {empty.URL, o.URL},
		"the second is never asked for": {o.URL, down.URL},
	} {
		if m, err := at(t, Config{Endpoints: endpoints}).Manifest(ctx, "team/app", "1.0"); err != nil || m.Digest != digestOf(t, img) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The one that is down might have it.
	_, err = at(t, Config{Endpoints: []string{empty.URL, down.URL}}).Manifest(ctx, "team/app", "1.0")
	if kind, _ := KindOf(err); kind != Fault {
		t.Errorf("one lacks it, one is down: got %v", err)
	}
}

func TestCredentials(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	img := pushed(t, o)
	o.RequireToken("robot", "hunter2")
	want := digestOf(t, img)
	for name, cfg := range map[string]Config{
		"user and password": {Username: "robot", Password: "hunter2"},
		"keychain":          {Keychain: static{authn.FromConfig(authn.AuthConfig{Username: "robot", Password: "hunter2"})}},
	} {
		cfg.Endpoints = []string{o.URL}
		r := at(t, cfg)
		for range 3 {
			if m, err := r.Manifest(ctx, "team/app", "1.0"); err != nil || m.Digest != want {
				t.Fatalf("%s: got %v", name, err)
			}
		}
		if n := o.Asked("GET", "/token"); n != 1 {
			t.Errorf("%s: asked for %d tokens, want one for all requests", name, n)
		}
		o.Forget()
	}
	_, err := at(t, Config{Endpoints: []string{o.URL}, Username: "robot", Password: "wrong-secret"}).Manifest(ctx, "team/app", "1.0")
	if kind, _ := KindOf(err); kind != Refused || strings.Contains(fmt.Sprint(err), "wrong-secret") {
		t.Errorf("a wrong password: got %v", err)
	}
}

func TestRealmElsewhereIsRefused(t *testing.T) {
	o := origin.New(t)
	pushed(t, o)
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://169.254.169.254/latest",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	_, err := at(t, Config{Endpoints: []string{o.URL}, Username: "robot", Password: "hunter2"}).Manifest(context.Background(), "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault || !strings.Contains(fmt.Sprint(err.(*Error).Unwrap()), "link-local") {
		t.Errorf("got %v", err)
	}
}

func TestHTTPSIsNeverLeftForHTTP(t *testing.T) {
	o := origin.New(t)
	pushed(t, o)
	_, err := at(t, Config{Endpoints: []string{"https://" + o.Host}}).Manifest(context.Background(), "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault {
		t.Errorf("got %v", err)
	}
	if n := o.Asked("GET", "/v2/"); n != 0 {
		t.Errorf("asked %d times in clear text", n)
	}
}
