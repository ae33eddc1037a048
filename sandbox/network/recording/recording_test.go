package recording

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func parseURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestWhatWasRecordedIsFound(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, map[string][]byte{
		"http://Drop.example:80/a.sh?v=1": []byte("echo a"), "https://drop.example": []byte("page"), "http://198.51.100.7:8080/x": nil,
	}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Len() != 3 {
		t.Errorf("%d answers", r.Len())
	}
	for name, c := range map[string]struct {
		method, url, body string
		ok                bool
	}{
		"the URL":            {"GET", "http://drop.example/a.sh?v=1", "echo a", true},
		"its own port":       {"GET", "http://drop.example:80/a.sh?v=1", "echo a", true},
		"HEAD":               {"HEAD", "http://DROP.example/a.sh?v=1", "echo a", true},
		"no path":            {"GET", "https://drop.example/", "page", true},
		"an address, a port": {"GET", "http://198.51.100.7:8080/x", "", true},
		"another query":      {"GET", "http://drop.example/a.sh?v=2", "", false},
		"another scheme":     {"GET", "https://drop.example/a.sh?v=1", "", false},
		"another method":     {"POST", "http://drop.example/a.sh?v=1", "", false},
	} {
		response, body, ok, err := r.Find(c.method, parseURL(t, c.url))
		if err != nil || ok != c.ok || string(body) != c.body || ok && response.Status != 200 {
			t.Errorf("%s: %+v %q %t %v", name, response, body, ok, err)
		}
	}
}

func TestAChangedBodyIsNoticed(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, map[string][]byte{"http://drop.example/a.sh": []byte("echo a")}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if filepath.Base(f) != Manifest {
			if err := os.WriteFile(f, []byte("echo b"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, _, err := r.Find("GET", parseURL(t, "http://drop.example/a.sh")); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("while it is open: %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "http://drop.example/a.sh") {
		t.Errorf("at the next opening: %v", err)
	}
}

func TestWrongListsAreRefused(t *testing.T) {
	sum := strings.Repeat("0", 64)
	good := func(change func(*Response)) string {
		r := Response{URL: "http://a.example/", File: "x", SHA256: sum}
		change(&r)
		b, _ := json.Marshal(list{Version: Version, Responses: []Response{r}})
		return string(b)
	}
	for name, c := range map[string]struct{ text, names string }{
		"no JSON":           {"x", "manifest.json"},
		"another version":   {`{"version":2,"responses":[]}`, "version 2"},
		"an unknown key":    {`{"version":1,"answers":[]}`, "answers"},
		"more than a list":  {`{"version":1,"responses":[]} {}`, "follows"},
		"a relative URL":    {good(func(r *Response) { r.URL = "/a" }), "url"},
		"another scheme":    {good(func(r *Response) { r.URL = "ftp://a.example/" }), "url"},
		"a path outside":    {good(func(r *Response) { r.File = "../x" }), "../x"},
		"an absolute path":  {good(func(r *Response) { r.File = "/etc/passwd" }), "/etc/passwd"},
		"half a hash":       {good(func(r *Response) { r.SHA256 = "abcd" }), "sha256"},
		"a status":          {good(func(r *Response) { r.Status = 101 }), "101"},
		"a header's value":  {good(func(r *Response) { r.Header = map[string]string{"X": "a\r\nb"} }), "header"},
		"a length":          {good(func(r *Response) { r.Header = map[string]string{"content-length": "1"} }), "content-length"},
		"a method":          {good(func(r *Response) { r.Method = "G T" }), "method"},
		"a file that lacks": {good(func(*Response) {}), "x"},
		"twice the same": {`{"version":1,"responses":[{"url":"http://a.example/","file":"x","sha256":"` + sum + `"},` +
			`{"url":"http://A.example:80","file":"y","sha256":"` + sum + `"}]}`, "twice"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, Manifest), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if r, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, %v; want an error that names %q", name, r, err, c.names)
		}
	}
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), Manifest) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, Manifest), []byte(good(func(*Response) {})), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a link out of the folder was followed")
	}
}

// What is accepted is found under its own URL.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"responses":[{"url":"http://a.example/x?y#z","method":"POST","status":404,"headers":{"A":"b"},"file":"x","sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`{"version":1,"responses":[{"url":"http://%zz@a:1/"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		responses, err := parse(text)
		if err != nil {
			return
		}
		for k, r := range responses {
			again, err := r.check()
			if err != nil || again != k {
				t.Fatalf("%+v is found as %+v, then as %+v: %v", r, k, again, err)
			}
			u, err := url.Parse(r.URL)
			if err != nil || normal(u) != k.url {
				t.Fatalf("%q: %v", r.URL, err)
			}
		}
	})
}
