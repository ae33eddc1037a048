package upstream

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// encodeKey is a private key as PEM.
func encodeKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func TestSameSite(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"registry-1.docker.io", "auth.docker.io", true},
		{"quay.io", "quay.io", true},
		{"registry.gitlab.com", "gitlab.com", true},
		{"Registry.Example.com", "auth.example.COM", true},
		{"registry.example.co.uk", "auth.example.co.uk", true},
		{"registry.example.co.uk", "attacker.co.uk", false},
		{"a.github.io", "b.github.io", false},
		{"registry.example.com", "example.com.attacker.net", false},
		{"registry.example.com", "192.0.2.7", false},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.8", false},
		{"registry", "registry", true},
		{"registry", "auth", false},
		{"com", "com.", false},
	} {
		if got := sameSite(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

// answers is a network in which every host answers by itself.
type answers map[string]func(r *http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := a[r.URL.Scheme+"://"+r.URL.Host]
	if answer == nil {
		return reply(r, http.StatusBadGateway, "nobody is at "+r.URL.Host), nil
	}
	return answer(r), nil
}

func reply(r *http.Request, code int, body string, headers ...string) *http.Response {
	w := httptest.NewRecorder()
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		w.Header().Set(k, v)
	}
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
	resp := w.Result()
	resp.Request = r
	return resp
}

// inNetwork is a registry.example.com whose endpoint reaches the hosts of a.
func inNetwork(t *testing.T, cfg Config, a answers) *Registry {
	t.Helper()
	cfg.Endpoints = []string{"https://registry.example.com"}
	r := at(t, cfg)
	e := r.endpoints[0]
	e.inner = transport.NewUserAgent(&pinned{base: e.base, tokenHosts: cfg.TokenHosts, inner: a, note: func(context.Context, *http.Response) {}}, "test")
	return r
}

func TestRealms(t *testing.T) {
	const manifest = `{"schemaVersion":2}`
	for _, c := range []struct {
		name, realm string
		tokenHosts  []string
		works       bool
	}{
		{name: "the registry itself", realm: "https://registry.example.com/token", works: true},
		{name: "the same domain", realm: "https://auth.example.com/token", works: true},
		{name: "another domain", realm: "https://attacker.example.net/token"},
		{name: "another domain, listed", realm: "https://attacker.example.net/token", tokenHosts: []string{"attacker.example.net"}, works: true},
		{name: "another domain that begins so", realm: "https://registry.example.com.example.net/token"},
		{name: "user information that looks like the registry", realm: "https://registry.example.com@attacker.example.net/token"},
		{name: "an address", realm: "https://192.0.2.7/token"},
		{name: "the cloud's metadata", realm: "http://169.254.169.254/token"},
		{name: "clear text", realm: "http://auth.example.com/token"},
		{name: "no address", realm: "://"},
		{name: "a file", realm: "file:///etc/passwd"},
	} {
		for _, user := range []string{"", "robot"} {
			asked := []string{}
			network := answers{"https://registry.example.com": func(r *http.Request) *http.Response {
				if r.URL.Path == "/token" {
					asked = append(asked, r.URL.Host)
					return reply(r, 200, `{"token":"t"}`)
				}
				if r.Header.Get("Authorization") != "Bearer t" {
					return reply(r, 401, "", `WWW-Authenticate: Bearer realm="`+c.realm+`",service="x"`)
				}
				return reply(r, 200, manifest)
			}}
			if u, err := url.Parse(c.realm); err == nil && network[u.Scheme+"://"+u.Host] == nil {
				network[u.Scheme+"://"+u.Host] = func(r *http.Request) *http.Response {
					asked = append(asked, r.URL.Host)
					return reply(r, 200, `{"token":"t"}`)
				}
			}
			r := inNetwork(t, Config{Username: user, Password: "hunter2", TokenHosts: c.tokenHosts}, network)
			_, err := r.Manifest(context.Background(), "team/app", "1.0")
			if (err == nil) != c.works || !c.works && len(asked) > 0 {
				t.Errorf("%s, user %q: %v, asked %v", c.name, user, err, asked)
			}
			if err != nil && strings.Contains(err.Error(), "attacker") {
				t.Errorf("the error names the address: %v", err)
			}
		}
	}
}

// registry.k8s.io sends its clients to other registries, which have challenges
// of their own.
func TestARedirectToARegistryWithItsOwnChallenge(t *testing.T) {
	for name, c := range map[string]struct {
		realm string
		works bool
	}{
		"its own token service":       {"https://mirror.example.org/token", true},
		"one of its domain":           {"https://auth.example.org/token", true},
		"one of an unrelated domain":  {"https://attacker.example.net/token", false},
		"the first registry's domain": {"https://auth.example.com/token", true},
	} {
		var leaked string
		network := answers{
			"https://registry.example.com": func(r *http.Request) *http.Response {
				switch {
				case r.URL.Path == "/token":
					return reply(r, 200, `{"token":"ours"}`)
				case r.Header.Get("Authorization") != "Bearer ours":
					return reply(r, 401, "", `WWW-Authenticate: Bearer realm="https://registry.example.com/token"`)
				}
				return reply(r, 307, "", "Location: https://mirror.example.org"+r.URL.Path)
			},
			"https://mirror.example.org": func(r *http.Request) *http.Response {
				switch {
				case r.URL.Path == "/token":
					leaked += r.Header.Get("Authorization")
					return reply(r, 200, `{"token":"theirs"}`)
				case r.Header.Get("Authorization") == "Bearer theirs":
					return reply(r, 200, `{"schemaVersion":2}`)
				}
				leaked += r.Header.Get("Authorization")
				return reply(r, 401, "", `WWW-Authenticate: Bearer realm="`+c.realm+`",scope="repository:team/app:pull"`)
			},
		}
		for _, host := range []string{"https://auth.example.org", "https://auth.example.com", "https://attacker.example.net"} {
			network[host] = func(r *http.Request) *http.Response {
				leaked += r.Header.Get("Authorization")
				return reply(r, 200, `{"token":"theirs"}`)
			}
		}
		_, err := inNetwork(t, Config{Username: "robot", Password: "hunter2"}, network).Manifest(context.Background(), "team/app", "1.0")
		if leaked != "" {
			t.Errorf("%s: others saw %q", name, leaked)
		}
		if kind, _ := KindOf(err); (err == nil) != c.works || err != nil && kind != Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="https://auth.example.com/token",service="x",scope="repository:a:pull"`, "https://auth.example.com/x")
	f.Add(`Basic realm="x"`, "/relative")
	f.Add(`Bearer realm="https://attacker.example.net/"`, "https://192.0.2.7/")
	f.Add(`Negotiate, Bearer realm=https://registry.example.com@attacker.example.net`, "//attacker.example.net")
	f.Add("Bearer realm=\"https://auth.example.com:443\\\"@attacker.example.net/\"", "http://registry.example.com/")
	f.Fuzz(func(t *testing.T, challenge, location string) {
		a := guarded{t: t, challenge: challenge, location: location}
		cfg := Config{Endpoints: []string{"https://registry.example.com"}, Registry: "registry.test", Username: "robot", Password: "hunter2"}
		l, err := NewList([]Config{cfg}, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		r, _ := l.Registry("registry.test")
		e := r.endpoints[0]
		e.inner = &pinned{base: e.base, inner: a, note: func(context.Context, *http.Response) {}}
		_, _ = r.Manifest(context.Background(), "team/app", "1.0")
	})
}

// guarded fails when credentials leave the domain, whatever a registry says.
type guarded struct {
	t                   *testing.T
	challenge, location string
}

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	host := strings.ToLower(r.URL.Hostname())
	inside := host == "example.com" || strings.HasSuffix(host, ".example.com")
	if r.Header.Get("Authorization") != "" && (!inside || r.URL.Scheme != "https") {
		g.t.Errorf("credentials went to %s by the challenge %q and the redirect %q", r.URL, g.challenge, g.location)
	}
	switch {
	case r.URL.Host != "registry.example.com":
		return reply(r, 200, `{"token":"t"}`), nil
	case r.Header.Get("Authorization") == "":
		h := http.Header{"Www-Authenticate": {g.challenge}}
		return &http.Response{StatusCode: 401, Header: h, Body: http.NoBody, Request: r}, nil
	}
	return &http.Response{StatusCode: 307, Header: http.Header{"Location": {g.location}}, Body: http.NoBody, Request: r}, nil
}
