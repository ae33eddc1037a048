package upstream

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

func TestAPublicRegistryIsAskedAtOnce(t *testing.T) {
	o := origin.New(t)
	pushed(t, o)
	if _, err := at(t, Config{Endpoints: []string{o.URL}}).Manifest(context.Background(), "team/app", "1.0"); err != nil {
		t.Fatal(err)
	}
	if n := o.Asked("GET", "/v2/"); n != 1 {
		t.Errorf("%d requests for one manifest", n)
	}
}

func TestAnonymousTokens(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	pushed(t, o)
	o.RequireToken("", "")
	r := at(t, Config{Endpoints: []string{o.URL}})
	for range 3 {
		if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.Asked("GET", "/token"); n != 1 {
		t.Errorf("asked for %d tokens", n)
	}
	// What the endpoint wants is known now: another repository costs its token
	// and its answer.
	o.Forget()
	_, _ = r.Manifest(ctx, "team/other", "1.0")
	if n := o.Asked("GET", ""); n != 2 {
		t.Errorf("%d requests for a manifest of another repository", n)
	}
}

func TestTokensThatExpire(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	pushed(t, o)
	var valid, given atomic.Int64
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/token" {
			fmt.Fprintf(w, `{"token":"t%d"}`, given.Add(1))
			return true
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", valid.Load()) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+o.URL+`/token",service="origin",scope="repository:team/app:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	})
	r := at(t, Config{Endpoints: []string{o.URL}, Username: "robot", Password: "hunter2"})
	for i := range int64(4) {
		valid.Store(i + 1) // the one before has expired
		if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
			t.Fatalf("token %d: %v", i+1, err)
		}
	}
	if given.Load() != 4 {
		t.Errorf("%d tokens were asked for", given.Load())
	}
}

func TestARegistryThatNeverStopsChallenging(t *testing.T) {
	o := origin.New(t)
	pushed(t, o)
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"token":"t"}`)
			return true
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+o.URL+`/token",service="origin"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	for name, cfg := range map[string]Config{"anonymous": {}, "with credentials": {Username: "robot", Password: "hunter2"}} {
		cfg.Endpoints = []string{o.URL}
		o.Forget()
		_, err := at(t, cfg).Manifest(context.Background(), "team/app", "1.0")
		if kind, ok := KindOf(err); !ok || kind != Refused {
			t.Errorf("%s: got %v", name, err)
		}
		if n := o.Asked("GET", ""); n > 6 {
			t.Errorf("%s: %d requests until it gave up", name, n)
		}
	}
}

func TestTokenServiceFaults(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		kind   Kind
		says   string
	}{
		"it is down":        {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, Fault, "cannot be reached"},
		"500":               {func(w http.ResponseWriter) { w.WriteHeader(500) }, Fault, "its token service answered 500"},
		"404":               {func(w http.ResponseWriter) { w.WriteHeader(404) }, Fault, "its token service answered 404"},
		"wrong credentials": {func(w http.ResponseWriter) { w.WriteHeader(401) }, Refused, "refuses"},
		"429":               {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "9"); w.WriteHeader(429) }, Limited, "limits"},
		"not JSON":          {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") }, Fault, "cannot be reached"},
		"no token in it":    {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }, Fault, "cannot be reached"},
		"endless":           {func(w http.ResponseWriter) { _, _ = io.Copy(w, endless{}) }, Fault, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			o := origin.New(t)
			pushed(t, o)
			o.RequireToken("robot", "hunter2")
			o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.URL.Path == "/token" {
					c.answer(w)
				}
				return r.URL.Path == "/token"
			})
			_, err := at(t, Config{Endpoints: []string{o.URL}, Username: "robot", Password: "hunter2"}).Manifest(context.Background(), "team/app", "1.0")
			kind, ok := KindOf(err)
			if !ok || kind != c.kind || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), o.Host) {
				t.Errorf("got %v", err)
			}
			if e := err.(*Error); kind == Limited && (e.RetryAfter > 9*time.Second || e.RetryAfter < 8*time.Second) {
				t.Errorf("Retry-After: %s", e.RetryAfter)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// changing is a keychain whose password is changed while the gate runs.
type changing struct {
	mu       sync.Mutex
	password string
}

func (c *changing) Resolve(authn.Resource) (authn.Authenticator, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return authn.FromConfig(authn.AuthConfig{Username: "robot", Password: c.password}), nil
}

func TestCredentialsThatChange(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	pushed(t, o)
	var password atomic.Value
	password.Store("first")
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if _, p, _ := r.BasicAuth(); p == password.Load() {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="origin"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	keys := &changing{password: "first"}
	r, later := turned(t, Config{Endpoints: []string{o.URL}, Keychain: keys})
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Fatal(err)
	}
	later(2 * time.Minute)
	password.Store("second")
	keys.mu.Lock()
	keys.password = "second"
	keys.mu.Unlock()
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Errorf("the keychain has the new password already: %v", err)
	}
}

func TestRedirectsDropCredentials(t *testing.T) {
	var seen []string
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization")+r.Header.Get("Cookie"))
		_, _ = io.WriteString(w, "blob")
	}))
	defer cdn.Close()
	for name, challenge := range map[string]string{"Basic": `Basic realm="o"`, "Bearer": ""} {
		o := origin.New(t)
		o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			switch {
			case r.URL.Path == "/token":
				_, _ = io.WriteString(w, `{"token":"t"}`)
			case r.Header.Get("Authorization") == "" && challenge != "":
				w.Header().Set("WWW-Authenticate", challenge)
				w.WriteHeader(http.StatusUnauthorized)
			case r.Header.Get("Authorization") == "":
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+o.URL+`/token"`)
				w.WriteHeader(http.StatusUnauthorized)
			default:
				http.Redirect(w, r, strings.Replace(cdn.URL, "127.0.0.1", "localhost", 1)+"/b?signature=s3cret", http.StatusTemporaryRedirect)
			}
			return true
		})
		body, _, _, err := at(t, Config{Endpoints: []string{o.URL}, Username: "robot", Password: "hunter2"}).Blob(context.Background(), "team/app", digest.FromString("blob"), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b, err := io.ReadAll(body); err != nil || string(b) != "blob" {
			t.Errorf("%s: %q %v", name, b, err)
		}
		body.Close()
	}
	if len(seen) != 2 || seen[0] != "" || seen[1] != "" {
		t.Errorf("the other host saw %q", seen)
	}
}

// secure is an origin behind TLS, and the file of its certificate.
func secure(t *testing.T, o http.Handler) (server *httptest.Server, caFile string) {
	t.Helper()
	server = httptest.NewTLSServer(o)
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, caFile
}

func TestTLS(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	img := pushed(t, o)
	server, ca := secure(t, o)
	for _, c := range []struct {
		name   string
		set    EndpointConfig
		trusts bool
	}{
		{"the system's authorities", EndpointConfig{}, false},
		{"its own", EndpointConfig{CAFile: ca}, true},
		{"not checked, explicitly", EndpointConfig{Insecure: true}, true},
	} {
		r := at(t, Config{Endpoints: []string{server.URL}, Settings: map[string]EndpointConfig{server.URL: c.set}})
		m, err := r.Manifest(ctx, "team/app", "1.0")
		if c.trusts && (err != nil || m.Digest != digestOf(t, img)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.trusts && (err == nil || !strings.Contains(err.Error(), "certificate is not trusted")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]EndpointConfig{
		"no such file": {CAFile: "/does/not/exist"}, "no certificate in it": {CAFile: empty}, "a key without certificate": {KeyFile: empty},
	} {
		_, err := NewList([]Config{{Registry: "registry.test", Endpoints: []string{server.URL}, Settings: map[string]EndpointConfig{server.URL: set}}}, "", nil)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	o := origin.New(t)
	pushed(t, o)
	server := httptest.NewUnstartedServer(o)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	other, ca := secure(t, o)
	pair := other.TLS.Certificates[0]
	dir := t.TempDir()
	key, err := encodeKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(dir, "key.pem")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]EndpointConfig{"without": {Insecure: true}, "with": {Insecure: true, CertFile: ca, KeyFile: keyFile}} {
		_, err := at(t, Config{Endpoints: []string{server.URL}, Settings: map[string]EndpointConfig{server.URL: set}}).Manifest(context.Background(), "team/app", "1.0")
		if (err == nil) != (name == "with") {
			t.Errorf("%s a certificate: %v", name, err)
		}
	}
}

func TestRedirectToClearTextIsRefused(t *testing.T) {
	clear := origin.New(t)
	for name, to := range map[string]string{"clear text": clear.URL + "/b", "another scheme": "ftp://127.0.0.1/b", "the cloud's metadata": "https://169.254.169.254/latest"} {
		server, ca := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}))
		r := at(t, Config{Endpoints: []string{server.URL}, Settings: map[string]EndpointConfig{server.URL: {CAFile: ca}}})
		_, _, _, err := r.Blob(context.Background(), "team/app", digest.FromString("blob"), 0)
		if kind, ok := KindOf(err); !ok || kind != Fault || !strings.Contains(err.Error(), "does not go") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := clear.Asked("GET", ""); n != 0 {
		t.Errorf("followed %d times", n)
	}
}

func TestRedirectsWithoutEnd(t *testing.T) {
	o := origin.New(t)
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	_, err := at(t, Config{Endpoints: []string{o.URL}}).Manifest(context.Background(), "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault || o.Asked("GET", "") > 12 {
		t.Errorf("got %v after %d requests", err, o.Asked("GET", ""))
	}
}

func TestARegistryThatHangs(t *testing.T) {
	o := origin.New(t)
	release := make(chan struct{})
	defer close(release)
	o.Break(func(http.ResponseWriter, *http.Request, http.Handler) bool { <-release; return true })
	_, err := at(t, Config{Endpoints: []string{o.URL}, Timeout: time.Second}).Manifest(context.Background(), "team/app", "1.0")
	if kind, ok := KindOf(err); !ok || kind != Fault || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
	if n := o.Asked("GET", ""); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}
