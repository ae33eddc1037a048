package proxy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// ref is the repository most tests use.
func (s *site) ref() image.Reference {
	return image.Reference{Registry: upstreamName, Repository: "team/app"}
}

func TestBadInput(t *testing.T) {
	s := newSite(t, inmemory.New())
	s.push("team/app:1.0", 100)
	sha := "sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		name, method, path string
		status             int
		code, says         string
	}{
		{"an unknown upstream", "GET", "/v2/quay.io/a/b/manifests/1", 404, "NAME_UNKNOWN", "quay.io is not an upstream of this gate: it knows registry.test; to add it"},
		{"an unknown ns", "GET", "/v2/a/manifests/1?ns=quay.io", 404, "NAME_UNKNOWN", "quay.io"},
		{"ns is an address", "GET", "/v2/a/manifests/1?ns=http://169.254.169.254:80/x", 404, "NAME_UNKNOWN", "169.254.169.254:80"},
		{"a long host", "GET", "/v2/" + strings.Repeat("x.", 500) + "test/a/manifests/1", 404, "NAME_UNKNOWN", "…"},
		{"a long name", "GET", path("%s/manifests/1", strings.Repeat("a/", 200)+"a"), 400, "NAME_INVALID", "no repository's name"},
		{"an uppercase repository", "GET", path("Team/app/manifests/1"), 400, "NAME_INVALID", "lower case"},
		{"a repository with a space", "GET", path("te%%20am/manifests/1"), 400, "NAME_INVALID", "no repository's name"},
		{"a zero byte", "GET", path("team%%00/manifests/1"), 400, "NAME_INVALID", "encoded"},
		{"only a registry", "GET", "/v2/" + upstreamName + "/manifests/1", 404, "MANIFEST_UNKNOWN", ""},
		{"a bad tag", "GET", path("team/app/manifests/-x"), 400, "MANIFEST_INVALID", "neither a tag"},
		{"a tag of 200 letters", "GET", path("team/app/manifests/%s", strings.Repeat("x", 200)), 400, "MANIFEST_INVALID", "neither a tag"},
		{"tag and digest at once", "GET", path("team/app/manifests/1.0@%s", sha), 400, "DIGEST_INVALID", "no digest"},
		{"a short digest", "GET", path("team/app/manifests/sha256:abc"), 400, "DIGEST_INVALID", "64 digits"},
		{"an unknown algorithm", "GET", path("team/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e"), 400, "DIGEST_INVALID", "no digest"},
		{"a blob by tag", "GET", path("team/app/blobs/latest"), 400, "DIGEST_INVALID", "no digest"},
		{"referrers of a tag", "GET", path("team/app/referrers/latest"), 400, "DIGEST_INVALID", "no digest"},
		{"a blob that nothing names", "GET", path("team/app/blobs/%s", sha), 404, "BLOB_UNKNOWN", "no manifest of the repository names"},
		{"no such call", "GET", path("team/app/nothing/1"), 404, "UNSUPPORTED", "no such call"},
		{"the catalogue", "GET", "/v2/_catalog", 403, "DENIED", "proxy.catalog"},
		{"ns twice", "GET", "/v2/a/manifests/1?ns=" + upstreamName + "&ns=quay.io", 400, "NAME_INVALID", "ns more than once"},
		{"a query in two ways", "GET", "/v2/a/manifests/1?ns=" + upstreamName + ";ns=quay.io", 400, "NAME_INVALID", "cannot be read"},
		{"a method that changes", "PATCH", path("team/app/blobs/uploads/x"), 405, "UNSUPPORTED", "pulling"},
		{"a method nobody knows", "BREW", path("team/app/manifests/1.0"), 405, "UNSUPPORTED", "pulling"},
		{"outside", "GET", "/", 404, "UNSUPPORTED", "below /v2/"},
		{"version 1", "GET", "/v1/search", 404, "UNSUPPORTED", "below /v2/"},
		{"a push begins", "POST", path("team/app/blobs/uploads/"), 405, "UNSUPPORTED", "push to the registry itself"},
		{"a manifest is pushed", "PUT", path("team/app/manifests/1.0"), 405, "UNSUPPORTED", "push to the registry itself"},
		{"a delete", "DELETE", path("team/app/manifests/%s", sha), 405, "UNSUPPORTED", "pulling"},
		{"a push's state", "GET", path("team/app/blobs/uploads/x"), 405, "UNSUPPORTED", "pulling"},
		{"n is a word", "GET", path("team/app/tags/list?n=many"), 400, "PAGINATION_NUMBER_INVALID", "n=many"},
		{"n is negative", "GET", path("team/app/tags/list?n=-1"), 400, "PAGINATION_NUMBER_INVALID", "n=-1"},
		{"tags of nothing", "GET", path("team/none/tags/list"), 404, "NAME_UNKNOWN", "has no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.ask(c.method, c.path)
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.message(), c.says) {
				t.Errorf("got %d %s", a.status, a.body)
			}
			if a.header.Get("Content-Type") != "application/json" || strings.Contains(a.message(), "\n") {
				t.Errorf("%v %q", a.header, a.message())
			}
			if c.status == 405 && c.method != "GET" && a.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow: %q", a.header.Get("Allow"))
			}
		})
	}
}

func TestTagsList(t *testing.T) {
	s := newSite(t, inmemory.New())
	for _, tag := range []string{"1.0", "1.1", "2.0"} {
		s.push("team/app:"+tag, 100)
	}
	// An upstream may ignore n and last, or know them.
	s.origin.Break(func(w http.ResponseWriter, r *http.Request, registry http.Handler) bool {
		whole := r.Clone(r.Context())
		whole.URL.RawQuery = ""
		registry.ServeHTTP(w, whole)
		return true
	})
	for _, c := range []struct{ query, tags, link string }{
		{"", "1.0 1.1 2.0", ""},
		{"?n=2", "1.0 1.1", "</v2/registry.test/team/app/tags/list?last=1.1&n=2>; rel=\"next\""},
		{"?n=2&last=1.1", "2.0", ""},
		{"?last=1.0", "1.1 2.0", ""},
		{"?n=0", "", ""},
	} {
		a := s.ask("GET", path("team/app/tags/list%s", c.query))
		var list struct {
			Name string   `json:"name"`
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(a.body, &list); err != nil || list.Tags == nil {
			t.Fatalf("%s: %d %s", c.query, a.status, a.body)
		}
		if got := strings.Join(list.Tags, " "); got != c.tags || a.header.Get("Link") != c.link || list.Name != "team/app" {
			t.Errorf("%s: %v, Link %q", c.query, list, a.header.Get("Link"))
		}
	}
	if a := s.ask("GET", path("team/app/tags/list?n=2&last=%s", strings.Repeat("x", 3000))); a.status != 400 {
		t.Errorf("a long query: %d", a.status)
	}
	// The next page of a list by ns is one by ns.
	if a := s.ask("GET", "/v2/team/app/tags/list?n=1&ns="+upstreamName); !strings.Contains(a.header.Get("Link"), "ns="+upstreamName) {
		t.Errorf("Link %q", a.header.Get("Link"))
	}
}

func FuzzRoute(f *testing.F) {
	l, err := upstream.NewList([]upstream.Config{{Registry: "docker.io"}, {Registry: "localhost:5001"}}, "", []string{"gate.test"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("/v2/docker.io/library/nginx/manifests/latest", "", "gate.test")
	f.Add("/v2/nginx/blobs/sha256:"+strings.Repeat("a", 64), "docker.io", "")
	f.Add("/v2/a/../b/manifests/x", "", "")
	f.Add("/v2/a%2fb/tags/list", "x", "y")
	f.Add("/v2/blobs/uploads/manifests/x", "", "")
	f.Add("/v2/localhost:5001/manifests/manifests/referrers/sha512:"+strings.Repeat("0", 128), "", "")
	f.Fuzz(func(t *testing.T, path, ns, host string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		u.RawQuery = url.Values{"ns": {ns}}.Encode()
		r := &http.Request{Method: "GET", URL: u, Host: host}
		rt, err := parseRoute(r, l)
		if err != nil {
			if code := answerTo(rt.kind, err).statusCode(); code < 400 || code > 499 {
				t.Errorf("%q is answered %d: %v", path, code, err)
			}
			return
		}
		if rt.kind == routeBase {
			return
		}
		if !l.Has(rt.ref.Registry) {
			t.Errorf("%q chose %q", path, rt.ref.Registry)
		}
		// The name is in the one form that everything else uses, so that no
		// two names mean the same image.
		again, err := image.New(rt.ref.Registry, rt.ref.Repository, "latest")
		if err != nil || again.Name() != rt.ref.Name() {
			t.Errorf("%q is %q, which reads as %q: %v", path, rt.ref.Name(), again.Name(), err)
		}
		if strings.Contains(rt.ref.Repository, "..") || strings.ToLower(rt.ref.Repository) != rt.ref.Repository {
			t.Errorf("%q is the repository %q", path, rt.ref.Repository)
		}
		switch rt.kind {
		case routeManifest:
			if (rt.ref.Tag == "") == (rt.ref.Digest == "") {
				t.Errorf("%q is the manifest %q", path, rt.ref)
			}
		case routeBlob:
			if rt.blob.Validate() != nil {
				t.Errorf("%q is the blob %q", path, rt.blob)
			}
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-1", "bytes=5-", "bytes=9-2", "bytes=0-1,3-4", "bytes=99999999999999999999-", "", "bytes = 1-2"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		if start, ok := rangeStart(header, size); ok && (start < 0 || start > size) {
			t.Errorf("%q of %d bytes begins at %d", header, size, start)
		}
	})
}

func FuzzWarning(f *testing.F) {
	f.Add("a \"quoted\" \\ text\r\nX: y")
	f.Fuzz(func(t *testing.T, text string) {
		h := http.Header{}
		warn(h, []string{text, text})
		for _, v := range h["Warning"] {
			if strings.ContainsAny(v, "\r\n\x00") || strings.Count(v, `"`) != 2 {
				t.Errorf("the header %q", v)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := NewContent(Config{}, inmemory.New()); err == nil || !strings.Contains(err.Error(), "proxy.upstreams") {
		t.Errorf("no upstream: %v", err)
	}
	if _, err := New(nil, nil, nil, nil); err == nil {
		t.Error("a proxy of nothing")
	}
}
