package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
)

// site is a console over a whole gate, and an administrator's access to it.
type site struct {
	*gatetest.World
	url   string
	admin string
	later atomic.Int64 // what its clock is ahead
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }

func open(t testing.TB) *site {
	t.Helper()
	s := &site{World: gatetest.Start(t)}
	file := filepath.Join(t.TempDir(), "admin.token")
	tokens, err := token.Open(token.Config{Objects: s.Objects, AdminFile: file, Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.admin = strings.TrimSpace(string(text))
	c, err := console.New(console.Config{Version: "test", Behind: gatetest.Behind, Logger: gatetest.Quiet}, console.Parts{
		Gate: s.Gate, Permissions: s.Gate.Permissions(), Risks: s.Gate.Risks(), Labels: s.Labels, Policies: gatetest.Policies{Library: s.Library},
		Verdicts: s.Verdicts, Queue: s.Queue, Settings: s.Settings, Inspector: s.Inspector, Resolver: s.World, Tokens: tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// as sends a request with a token and returns the status and the body.
func (s *site) as(t *testing.T, bearer, method, path string, body any) (int, string) {
	t.Helper()
	var b []byte
	switch v := body.(type) {
	case nil:
	case string:
		b = []byte(v)
	default:
		var err error
		if b, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 400 {
		var failed struct {
			Message string
			Code    int
		}
		if resp.StatusCode != http.StatusMethodNotAllowed && (json.Unmarshal(answer, &failed) != nil || failed.Message == "" || failed.Code != resp.StatusCode) {
			t.Errorf("%s %s: %d is no error document: %s", method, path, resp.StatusCode, answer)
		}
	}
	return resp.StatusCode, string(answer)
}

// do sends a request as the administrator, wants the status, and decodes the
// answer into into, unless that is nil.
func (s *site) do(t *testing.T, method, path string, body any, want int, into any) string {
	t.Helper()
	code, answer := s.as(t, s.admin, method, path, body)
	if code != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, code, want, answer)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
	return answer
}

// eventually repeats a check until it holds.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !check(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	s := open(t)
	var reader, short struct{ Token, ID string }
	s.do(t, "POST", "/api/v1/tokens", `{"name":"dashboard","role":"reader"}`, http.StatusCreated, &reader)
	s.do(t, "POST", "/api/v1/tokens", map[string]any{"name": "ci", "role": "admin", "expires": s.now().Add(time.Hour)}, http.StatusCreated, &short)
	for _, test := range []struct {
		name, bearer, method, path, body string
		want                             int
	}{
		{"nobody looks", "", "GET", "/api/v2/images", "", 401},
		{"a wrong token", "nonsense", "GET", "/api/v2/images", "", 401},
		{"a token that was changed", reader.Token[:len(reader.Token)-1] + "!", "GET", "/api/v2/images", "", 401},
		{"the id alone", "sallyport_" + reader.ID + "_", "GET", "/api/v2/images", "", 401},
		{"a path for an id", "sallyport_../../x_y", "GET", "/api/v2/images", "", 401},
		{"a reader looks", reader.Token, "GET", "/api/v2/images", "", 200},
		{"a reader changes nothing", reader.Token, "POST", "/api/v1/labels", `{"target":"demo.test","labels":["DTA"]}`, 403},
		{"a reader sees no tokens", reader.Token, "GET", "/api/v1/tokens", "", 403},
		{"an admin's own token", short.Token, "POST", "/api/v1/labels", `{"target":"demo.test","labels":["x"]}`, 200},
		{"the administrator", s.admin, "GET", "/api/v1/tokens", "", 200},
		{"anybody asks for health", "", "GET", "/healthz", "", 200},
		{"anybody asks for readiness", "", "GET", "/readyz", "", 200},
		{"anybody reads the front page", "", "GET", "/", "", 200},
		{"nobody finds what is not there", "", "GET", "/api/v9/x", "", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			if code, answer := s.as(t, test.bearer, test.method, test.path, test.body); code != test.want {
				t.Errorf("%d, want %d: %s", code, test.want, answer)
			}
		})
	}
	t.Run("tokens end", func(t *testing.T) {
		s.later.Store(int64(2 * time.Hour))
		if code, answer := s.as(t, short.Token, "GET", "/api/v2/images", ""); code != 401 || !strings.Contains(answer, "expired") {
			t.Errorf("an expired token: %d %s", code, answer)
		}
		s.do(t, "DELETE", "/api/v1/tokens/"+reader.ID, nil, http.StatusNoContent, nil)
		if code, _ := s.as(t, reader.Token, "GET", "/api/v2/images", ""); code != 401 {
			t.Errorf("a revoked token: %d", code)
		}
		s.do(t, "DELETE", "/api/v1/tokens/"+reader.ID, nil, http.StatusNotFound, nil)
	})
	t.Run("secrets are kept as hashes", func(t *testing.T) {
		kept, err := s.Objects.Get(t.Context(), "tokens/"+short.ID)
		if err != nil || bytes.Contains(kept, []byte(short.Token)) || bytes.Contains(kept, []byte(short.Token[len(short.Token)-20:])) {
			t.Errorf("%s %v", kept, err)
		}
		if list := s.do(t, "GET", "/api/v1/tokens", nil, http.StatusOK, nil); strings.Contains(list, short.Token) || !strings.Contains(list, `"ci"`) {
			t.Errorf("the list is %s", list)
		}
	})
}

func TestLogin(t *testing.T) {
	s := open(t)
	var answer struct {
		Token string
		User  struct{ ID, Role string }
	}
	s.do(t, "POST", "/api/v1/login", map[string]any{"id": "administrator", "password": s.admin, "remember": true}, http.StatusOK, &answer)
	if answer.User.ID != "administrator" || answer.User.Role != "admin" {
		t.Errorf("answer %+v", answer)
	}
	if code, _ := s.as(t, answer.Token, "GET", "/api/v2/images", nil); code != http.StatusOK {
		t.Errorf("the token is answered %d", code)
	}
	for name, body := range map[string]string{
		"a wrong password": `{"id":"administrator","password":"x"}`, "another's name": fmt.Sprintf(`{"id":"ada","password":%q}`, s.admin), "no password": `{"id":"administrator"}`,
	} {
		if code, answer := s.as(t, "", "POST", "/api/v1/login", body); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
}

func TestBadBodies(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"empty", "POST", "/api/v1/labels", "", 400, "empty"},
		{"not JSON", "POST", "/api/v1/labels", "label=DTA", 400, "JSON"},
		{"two documents", "POST", "/api/v1/labels", `{"target":"demo.test","labels":["DTA"]}{}`, 400, "follows"},
		{"a field that is not known", "POST", "/api/v1/labels", `{"target":"demo.test","label":"DTA"}`, 400, "unknown field"},
		{"too large", "POST", "/api/v1/labels", `{"target":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "larger than"},
		{"no labels", "POST", "/api/v1/labels", `{"target":"demo.test","labels":[]}`, 400, "at least one"},
		{"a label with a space", "POST", "/api/v1/labels", `{"target":"demo.test","labels":["a b"]}`, 400, "not possible"},
		{"a malformed image", "POST", "/api/v1/labels", `{"target":"demo.test/UPPER:v1","labels":["a"]}`, 400, "UPPER"},
		{"an unknown kind", "POST", "/api/v1/labels", `{"target":"demo.test","kind":"cluster","labels":["a"]}`, 400, "repository"},
		{"the gate as a registry", "POST", "/api/v1/labels", `{"target":"localhost:5000","labels":["a"]}`, 400, "behind it"},
		{"a repository with a tag", "POST", "/api/v1/labels", `{"target":"demo.test/app:v1","kind":"repository","labels":["a"]}`, 400, "leave out the tag"},
		{"no images", "POST", "/api/v1/images/rescan", `{}`, 400, "images"},
		{"half an image", "POST", "/api/v1/images/rescan", `{"images":[{"registry":"demo.test"}]}`, 400, "repository"},
		{"an image that is nowhere", "POST", "/api/v1/images/rescan", `{"images":[{"image":"demo.test/none:v1"}]}`, 404, "demo.test/none:v1"},
		{"a page that is none", "GET", "/api/v2/images?page=0", "", 400, "page"},
		{"an image without tag", "GET", "/api/v2/images/demo.test/app", "", 400, "REGISTRY/REPOSITORY/TAG"},
		{"a token for nobody", "POST", "/api/v1/tokens", `{"name":"","role":"reader"}`, 400, "name"},
		{"a token with a role of its own", "POST", "/api/v1/tokens", `{"name":"x","role":"root"}`, 400, "root"},
		{"a token of yesterday", "POST", "/api/v1/tokens", `{"name":"x","role":"reader","expires":"2020-01-01T00:00:00Z"}`, 400, "past"},
		{"a second administrator", "POST", "/api/v1/tokens", `{"name":"administrator","role":"admin"}`, 400, "administrator"},
		{"host policies", "GET", "/api/v2/assurance_policy/host", "", 404, "image"},
		{"a policy that is not there", "GET", "/api/v2/assurance_policy/image/none", "", 404, "none"},
		{"a decision that is not there", "GET", "/api/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV", "", 404, "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
		{"a decision that cannot be", "GET", "/api/v1/decisions/x", "", 404, "x"},
		{"a method that is not there", "DELETE", "/api/v2/images", "", 404, "DELETE /api/v2/images"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, answer := s.as(t, s.admin, test.method, test.path, test.body)
			if code != test.want || !strings.Contains(answer, test.says) {
				t.Errorf("%d, want %d with %q: %s", code, test.want, test.says, answer)
			}
		})
	}
}

func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"target":"demo.test/app:v1","labels":["DTA"]}`, `{"images":[{"registry":"demo.test","repository":"app","tag":"v1"}],"full_rescan":true}`,
		`{"name":"x","role":"reader"}`, `{"id":"a","password":"b"}`, `{"name":"P","scope":{"expression":"v1"}}`, `[]`, `null`, `"`,
	} {
		f.Add(seed)
	}
	world := gatetest.Start(f)
	file := filepath.Join(f.TempDir(), "admin.token")
	tokens, err := token.Open(token.Config{Objects: world.Objects, AdminFile: file})
	if err != nil {
		f.Fatal(err)
	}
	admin, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	c, err := console.New(console.Config{Behind: gatetest.Behind, Logger: gatetest.Quiet}, console.Parts{
		Gate: world.Gate, Permissions: world.Gate.Permissions(), Risks: world.Gate.Risks(), Labels: world.Labels, Policies: gatetest.Policies{Library: world.Library},
		Verdicts: world.Verdicts, Queue: world.Queue, Settings: world.Settings, Inspector: world.Inspector, Resolver: world, Tokens: tokens,
	})
	if err != nil {
		f.Fatal(err)
	}
	handler := c.Handler()
	f.Fuzz(func(t *testing.T, body string) {
		for _, route := range []string{"POST /api/v1/labels", "POST /api/v1/images/rescan", "POST /api/v1/images/allow", "POST /api/v1/login", "POST /api/v1/tokens", "POST /api/v2/assurance_policy/image", "POST /api/v2/risks/acknowledge", "DELETE /api/v2/risks/acknowledge/multiple"} {
			method, path, _ := strings.Cut(route, " ")
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(admin)))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code >= 500 || w.Code >= 400 && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d %s", route, w.Code, w.Body)
			}
		}
	})
}
