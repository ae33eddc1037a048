package visit

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func here(t testing.TB, path string) *url.URL {
	t.Helper()
	u, err := url.Parse("http://localhost:8080" + path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestReveal(t *testing.T) {
	for name, c := range map[string]struct {
		path, kind, body string
		links            []string
	}{
		"relative links":      {"/a/b", "text/html; charset=utf-8", `<a href=c><A HREF="../d?x=1#y">`, []string{"/a/c", "/d?x=1"}},
		"own host only":       {"/", "text/html", `<a href="http://localhost:8080/x"><a href="http://172.17.0.2:8080/y"><a href="http://127.0.0.1:22/z"><a href="//cdn.example.test/w"><a href="mailto:a@b.test">`, []string{"/x", "/y"}},
		"above the root":      {"/", "text/html", `<a href="../../etc/./x/">`, []string{"/etc/x/"}},
		"what is only shown":  {"/", "text/html", `<a href="/a.PNG"><a href="/b.css"><a href="/c.php">`, []string{"/c.php"}},
		"what ends a server":  {"/", "text/html", `<a href="/admin/shutdown"><a href="/Log-Out"><a href="/item/delete">`, nil},
		"frames and scripts":  {"/", "text/html", `<iframe src=/f></iframe><script>post('/api/do', {path: "/api/x"})</script>text "/not/this"`, []string{"/f", "/api/do", "/api/x"}},
		"robots":              {"/robots.txt", "text/plain", "user-agent: *\nDISALLOW: /secret # x\nAllow: /pub*.php$\nDisallow:\nSitemap: http://localhost:8080/s.xml", []string{"/secret", "/pub", "/s.xml"}},
		"map":                 {"/sitemap.xml", "application/xml", "<loc> http://localhost:8080/a?b=1&amp;c=2 </loc><loc>http://example.test/b</loc>", []string{"/a?b=1&c=2"}},
		"description in JSON": {"/", "application/json", `{"routes":["/run","/state"],"home":"http://example.test/x"}`, []string{"/run", "/state"}},
		"usage in text":       {"/", "text/plain", "usage: POST /run?cmd=...\n GET /health", []string{"/run", "/health"}},
		"bytes":               {"/", "application/octet-stream", `"/run"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			links, _ := reveal(here(t, c.path), http.Header{"Content-Type": {c.kind}}, []byte(c.body))
			if !slices.Equal(links, c.links) {
				t.Errorf("%q, want %q", links, c.links)
			}
		})
	}
	if links, _ := reveal(here(t, "/"), http.Header{"Location": {"/login"}}, nil); !slices.Equal(links, []string{"/login"}) {
		t.Errorf("a redirection led to %q", links)
	}
}

func TestForms(t *testing.T) {
	_, forms := reveal(here(t, "/a/page?x=1"), http.Header{"Content-Type": {"text/html"}}, []byte(`
		<form method=POST action=go><input name=line><textarea name=more></textarea><input type=hidden name=token value=t1><input type=checkbox name=sure><input></form>
		<form><input name=q><form action="https://example.test/pay"><input name=card></form>`))
	if len(forms) != 2 {
		t.Fatalf("%+v", forms)
	}
	if f := forms[0]; f.target != "/a/go" || !f.post || len(f.fields) != 4 || f.fields["line"] != "" || f.fields["token"] != "t1" || f.fields["sure"] != "on" {
		t.Errorf("%+v", f)
	}
	if f := forms[1]; f.target != "/a/page?x=1" || f.post || len(f.fields) != 1 {
		t.Errorf("%+v", f)
	}
}

// FuzzReveal: whatever a guest answers, it leads to few places, all on it.
func FuzzReveal(f *testing.F) {
	f.Add("/", "text/html", `<a href="//x/y"><form action="/a"><input name=b></form><script>"/c"</script>`)
	f.Add("/robots.txt", "text/plain", "Disallow: /a\nSitemap: b")
	f.Add("/sitemap.xml", "text/xml", "<loc>http://localhost:8080/a</loc>")
	f.Add("/x?y", "application/json", `{"a":"/b/../c"}`)
	f.Fuzz(func(t *testing.T, path, kind, body string) {
		u, err := url.Parse("http://localhost:8080/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return
		}
		links, forms := reveal(u, http.Header{"Content-Type": {kind}, "Location": {body}}, []byte(body))
		if len(links) > maxLinks || len(forms) > maxForms {
			t.Fatalf("%d links, %d forms", len(links), len(forms))
		}
		for _, form := range forms {
			links = append(links, form.target)
			if len(form.fields) > maxFields {
				t.Fatalf("%d fields", len(form.fields))
			}
		}
		for _, link := range links {
			to, err := u.Parse(link)
			if err != nil || to.Host != u.Host || !strings.HasPrefix(link, "/") {
				t.Fatalf("%q leads to %v (%v)", link, to, err)
			}
			if _, err := http.NewRequest(http.MethodGet, to.String(), nil); err != nil {
				t.Fatalf("%q cannot be asked: %v", link, err)
			}
		}
	})
}
