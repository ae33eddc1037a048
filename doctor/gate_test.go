package doctor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	gateAnswers := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(Header, "1")
		w.WriteHeader(http.StatusUnauthorized) // a gate that wants credentials is one all the same
	})
	plain, secure := httptest.NewServer(gateAnswers), httptest.NewTLSServer(gateAnswers)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	}))
	for _, s := range []*httptest.Server{plain, secure, other} {
		defer s.Close()
	}
	gone := httptest.NewServer(gateAnswers)
	gone.Close()
	for _, c := range []struct {
		name, address   string
		reachable, gate bool
		verdict         Verdict
		says            string
	}{
		{"clear text", strings.TrimPrefix(plain.URL, "http://"), true, true, Safe, ""},
		{"its own CA", strings.TrimPrefix(secure.URL, "https://"), true, true, Safe, "not trusted"},
		{"some registry", other.URL, true, false, Bypass, "not as a gate"},
		{"nothing there", gone.URL, false, false, Unknown, "cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosts := "server = \"" + c.address + "\"\n"
			root := tree(t, map[string]string{"certs/_default/hosts.toml": hosts})
			r, err := Examine(t.Context(), Options{Root: root, Containerd: "/certs", Gates: []string{c.address}, Probe: true})
			if err != nil {
				t.Fatal(err)
			}
			if g := r.Gates[0]; g.Reachable != c.reachable || g.Gate != c.gate || !strings.Contains(g.Detail, c.says) {
				t.Errorf("%+v", g)
			}
			if r.Verdict != c.verdict {
				t.Errorf("the verdict is %s: %+v", r.Verdict, r.Engines)
			}
		})
	}
}

// A gate without TLS is not mended with https, which no engine could reach.
func TestMendsInClearText(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(Header, "1") }))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	conf := filepath.Join(t.TempDir(), "registries.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		`server = "http://` + host + `"`:                       {Containerd: t.TempDir()},
		`location = "` + host + `/docker.io", insecure = true`: {Containers: conf},
	} {
		o.Gates, o.Probe = []string{host}, true
		r, err := Examine(t.Context(), o)
		if err != nil || r.Gates[0].Scheme != "http" {
			t.Fatalf("%+v, %v", r.Gates, err)
		}
		if m := r.Engines[0].Routes[0].Mend; !strings.Contains(m, want) {
			t.Errorf("%q, want %q", m, want)
		}
	}
}
