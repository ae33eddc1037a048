package doctor

import (
	"net/http"
	"net/http/httptest"
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
