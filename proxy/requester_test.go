package proxy

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"golang.org/x/crypto/bcrypt"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/account"
)

// machines are the gate's own tokens.
type machines map[string]error

func (m machines) Is(text string) bool { return strings.HasPrefix(text, "sallyport_") }

func (m machines) Check(_ context.Context, text string) (string, error) {
	err, ok := m[text]
	if !ok {
		return "", fmt.Errorf("%w: no such token", account.ErrRefused)
	}
	return strings.TrimPrefix(text, "sallyport_"), err
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// accounts has ada with her password, and some tokens.
func accounts(t *testing.T) *account.Accounts {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte("ada:"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := account.Open(account.Config{File: file, Tokens: machines{
		"sallyport_ci": nil, "sallyport_reader": fmt.Errorf("%w: it is for looking", account.ErrForbidden), "sallyport_fault": errors.New("storage at 192.0.2.77 is away"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWhoMayPull(t *testing.T) {
	for _, required := range []bool{true, false} {
		s := newSite(t, inmemory.New(), func(c *Config) { c.Accounts, c.AccountRequired = accounts(t), required })
		p := s.push("team/app:1.0", 1000)
		if a := s.ask("GET", path("team/app/manifests/1.0"), basic("ada", "right")); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		ref, err := image.New(upstreamName, "team/app", p.manifest.String())
		if err != nil {
			t.Fatal(err)
		}
		s.grants["spg1.grant"] = ref
		without := 200
		if required {
			without = 401
		}
		for _, c := range []struct {
			name, header string
			status       int
		}{
			{"nothing", "", without},
			{"an empty header", "Authorization: ", without},
			{"a password", basic("ada", "right"), 200},
			{"a wrong password", basic("ada", "wrong"), 401},
			{"an unknown user", basic("eve", "right"), 401},
			{"a token as password", basic("whoever", "sallyport_ci"), 200},
			{"a token as bearer", "Authorization: Bearer sallyport_ci", 200},
			{"a token for something else", "Authorization: Bearer sallyport_reader", 403},
			{"a token that cannot be checked", basic("x", "sallyport_fault"), 503},
			{"an unknown token", "Authorization: Bearer sallyport_x", 401},
			{"a stranger's token", "Authorization: Bearer eyJhbGciOi", 401},
			{"a sandbox's grant", "Authorization: Bearer spg1.grant", 200},
			{"lower case", strings.Replace(basic("ada", "right"), "Basic", "basic", 1), 200},
			{"no scheme", "Authorization: right", 401},
			{"another scheme", "Authorization: Digest username=ada", 401},
			{"no base64", "Authorization: Basic !", 401},
			{"no colon", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ada")), 401},
		} {
			s.content.cfg.Accounts = accounts(t) // nobody was wrong too often yet
			for _, where := range []string{"/v2/", path("team/app/manifests/%s", p.manifest), path("team/app/blobs/%s", p.layers[0])} {
				for _, method := range []string{"GET", "HEAD"} {
					var headers []string
					if c.header != "" {
						headers = []string{c.header}
					}
					a := s.ask(method, where, headers...)
					if a.status != c.status {
						t.Errorf("required=%v, %s: %s %s: %d %s", required, c.name, method, where, a.status, a.body)
					}
					if a.status == 401 && a.header.Get("WWW-Authenticate") != `Basic realm="sallyport", charset="UTF-8"` {
						t.Errorf("%s: the challenge %q", c.name, a.header.Get("WWW-Authenticate"))
					}
					if strings.Contains(string(a.body), "192.0.2.77") {
						t.Errorf("%s: %s", c.name, a.body)
					}
				}
			}
		}
		if required {
			// Who may not pull learns nothing, not even which upstreams there are.
			for _, where := range []string{"/v2/quay.io/a/manifests/1", "/v2/_catalog", path("team/app/tags/list"), path("Team/manifests/x")} {
				if a := s.ask("GET", where); a.status != 401 || strings.Contains(string(a.body), upstreamName) {
					t.Errorf("%s: %d %s", where, a.status, a.body)
				}
			}
		}
		users := map[string]bool{}
		for _, asked := range s.gate.asked {
			users[asked.Client] = true
		}
		if !users["ada (127.0.0.1)"] || !users["ci (127.0.0.1)"] || len(users) != map[bool]int{true: 2, false: 3}[required] {
			t.Errorf("the gate was asked by %v", users)
		}
	}
}

func TestTwoCredentials(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.Accounts, c.AccountRequired = accounts(t), true })
	req, err := http.NewRequest("GET", s.server.URL+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{strings.TrimPrefix(basic("ada", "right"), "Authorization: "), "Bearer x"}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestWithoutAccountsCredentialsAreNotForUs(t *testing.T) {
	s := newSite(t, inmemory.New())
	s.push("team/app:1.0", 100)
	if a := s.ask("GET", path("team/app/manifests/1.0"), basic("ada", "whatever")); a.status != 200 {
		t.Errorf("a password: %d", a.status)
	}
	if a := s.ask("GET", "/v2/", "Authorization: Bearer x"); a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("a bearer token: %d %v", a.status, a.header)
	}
}

func TestOnlyTheSandboxIsServedOnItsSocket(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 100)
	ref, err := image.New(upstreamName, "team/app", p.manifest.String())
	if err != nil {
		t.Fatal(err)
	}
	s.grants["spg1.grant"] = ref
	s.server.Config.Handler = s.proxy.GrantHandler()
	if a := s.ask("GET", path("team/app/manifests/%s", p.manifest), "Authorization: Bearer spg1.grant"); a.status != 200 {
		t.Errorf("with a grant: %d", a.status)
	}
	if a := s.ask("GET", path("team/app/manifests/%s", p.manifest)); a.status != 401 {
		t.Errorf("without: %d", a.status)
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"Basic YWRhOnJpZ2h0", "Bearer spg1.grant", "Bearer", "basic \x00", "Digest a=b", " ", "Basic Og=="} {
		f.Add(s)
	}
	p := &Proxy{grants: tokens{"spg1.grant": image.Reference{Registry: "a.test", Repository: "b", Digest: "sha256:x"}}, content: &Content{}}
	a, err := account.Open(account.Config{Tokens: machines{"sallyport_ci": nil}})
	if err != nil {
		f.Fatal(err)
	}
	p.content.cfg.Accounts, p.content.cfg.AccountRequired = a, true
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}, RemoteAddr: "192.0.2.1:5"}
		who, err := p.requester(r.WithContext(t.Context()))
		switch {
		case err == nil && !who.granted && who.user != "ci":
			t.Errorf("%q lets %+v in", header, who)
		case err != nil && (who.granted || who.user != ""):
			t.Errorf("%q is refused as %+v", header, who)
		case err != nil:
			if code := answerTo(routeBase, err).statusCode(); code != 401 && code != 429 {
				t.Errorf("%q is answered %d", header, code)
			}
		}
	})
}
