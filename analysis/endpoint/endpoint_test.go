package endpoint_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

func client(t testing.TB, address, token string) *endpoint.Client {
	t.Helper()
	c, err := endpoint.New(address, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestARunFromStartToDeletion(t *testing.T) {
	ctx, service := t.Context(), sandboxtest.Start(t)
	c := client(t, service.URL+"/", sandboxtest.Token)
	s, err := c.Start(ctx, protocol.RunRequest{Image: protocol.ImageSpec{Digest: digest.FromString("app").String()}, Source: protocol.Source{Token: "t"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if s, err = c.State(ctx, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if s.State != protocol.Done {
		t.Errorf("state %s", s.State)
	}
	if b, err := c.Report(ctx, s.ID); err != nil || !strings.Contains(string(b), digest.FromString("app").String()) {
		t.Errorf("report %.80s, %v", b, err)
	}
	for range 2 {
		if err := c.Delete(ctx, s.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.State(ctx, s.ID); !errors.Is(err, endpoint.ErrNotFound) {
		t.Errorf("a deleted run: %v, want ErrNotFound", err)
	}
	if _, err := c.Start(ctx, protocol.RunRequest{}); !errors.Is(err, endpoint.ErrRefused) {
		t.Errorf("an empty request: %v, want ErrRefused", err)
	}
	if _, err := client(t, service.URL, "wrong").License(ctx); !errors.Is(err, endpoint.ErrUnauthorized) || !strings.Contains(err.Error(), service.URL) {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "sandbox.example", "ftp://sandbox.example", "https://", "https://user:pw@sandbox.example", "https://sandbox.example?x", "http://sandbox.example:8443", "http://192.0.2.1"} {
		if _, err := endpoint.New(address, "t"); !errors.Is(err, endpoint.ErrAddress) || strings.Contains(err.Error(), ":pw") {
			t.Errorf("New(%q): %v, want ErrAddress", address, err)
		}
	}
	for _, address := range []string{"https://sandbox.example:8443", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", " https://sandbox.example/base/ "} {
		if _, err := endpoint.New(address, "t"); err != nil {
			t.Errorf("New(%q): %v", address, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	var stolen string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") }))
	defer thief.Close()
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"a web page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, endpoint.ErrAnswer},
		{"somebody's 404", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, endpoint.ErrAnswer},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, endpoint.ErrAnswer},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) }, endpoint.ErrAnswer},
		{"an id that is a path", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"../license","state":"done"}`))
		}, endpoint.ErrAnswer},
		{"another run's state", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"run-2","state":"done"}`)) }, endpoint.ErrAnswer},
		{"an unknown state", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"run-1","state":"finished"}`))
		}, endpoint.ErrAnswer},
		{"negative numbers", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"run-1","state":"done","position":-1}`))
		}, endpoint.ErrAnswer},
		{"quota", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"code":"quota_exceeded","message":"used up\u001b[2J"}`))
		}, endpoint.ErrQuota},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, endpoint.ErrBusy},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			_, err := client(t, server.URL, "secret").State(t.Context(), "run-1")
			if !errors.Is(err, test.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("error %q, want %v", err, test.want)
			}
		})
	}
	if stolen != "" {
		t.Error("the token followed a redirect")
	}
	if _, err := client(t, "http://127.0.0.1:1", "t").License(t.Context()); !errors.Is(err, endpoint.ErrUnreachable) {
		t.Errorf("nobody there: %v, want ErrUnreachable", err)
	}
}

func FuzzAnswer(f *testing.F) {
	var body []byte
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	c := client(f, server.URL, "t")
	f.Add([]byte(`{"id":"run-1","state":"running","elapsed_ns":5}`), false)
	f.Add([]byte(`{"code":"busy","message":"x"}`), true)
	f.Add([]byte(`null`), false)
	f.Fuzz(func(t *testing.T, b []byte, refuse bool) {
		body, status = b, http.StatusOK
		if refuse {
			status = http.StatusBadRequest
		}
		if s, err := c.State(t.Context(), "run-1"); err == nil && (refuse || s.ID != "run-1" || s.Position < 0) {
			t.Fatalf("accepted %+v of %q", s, b)
		} else if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Fatalf("the error holds control characters: %q", err)
		}
		_, _ = c.License(t.Context())
	})
}
