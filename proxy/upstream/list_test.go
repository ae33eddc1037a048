package upstream

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/image"
)

func list(t testing.TB) *List {
	t.Helper()
	l, err := NewList([]Config{
		{Registry: "docker.io"}, {Registry: "ghcr.io"}, {Registry: "localhost:5001"}, {Registry: "mirror.test"},
	}, "", []string{"gate.test:5000"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, ns, host, path string
		registry, repository string // empty registry: unknown
		unknown              string
	}{
		{name: "the first component is an upstream", path: "ghcr.io/a/b", registry: "ghcr.io", repository: "a/b"},
		{name: "an upstream with a port", path: "localhost:5001/a", registry: "localhost:5001", repository: "a"},
		{name: "an alias of Docker Hub", path: "index.docker.io/library/nginx", registry: "docker.io", repository: "library/nginx"},
		{name: "a host in capitals", path: "GHCR.io/a/b", registry: "ghcr.io", repository: "a/b"},
		{name: "nothing named", path: "library/nginx", registry: "docker.io", repository: "library/nginx"},
		{name: "nothing named, one component", path: "nginx", registry: "docker.io", repository: "nginx"},
		{name: "ns as containerd sends it", ns: "ghcr.io", path: "a/b", registry: "ghcr.io", repository: "a/b"},
		{name: "ns comes before the path", ns: "ghcr.io", path: "docker.io/b", registry: "ghcr.io", repository: "docker.io/b"},
		{name: "ns is the gate itself", ns: "gate.test:5000", path: "ghcr.io/a", registry: "ghcr.io", repository: "a"},
		{name: "ns is the Host header", ns: "other.test", host: "other.test", path: "ghcr.io/a", registry: "ghcr.io", repository: "a"},
		{name: "the Host header names an upstream", host: "mirror.test", path: "a/b", registry: "mirror.test", repository: "a/b"},
		{name: "an unknown host", path: "quay.io/a/b", unknown: "quay.io"},
		{name: "an unknown host with a port", path: "10.0.0.1:80/a", unknown: "10.0.0.1:80"},
		{name: "localhost without its port", path: "localhost/a", unknown: "localhost"},
		{name: "ns is unknown", ns: "quay.io", path: "a", unknown: "quay.io"},
		{name: "ns is an address to dial", ns: "http://169.254.169.254/latest", path: "a", unknown: "169.254.169.254"},
	} {
		t.Run(c.name, func(t *testing.T) {
			registry, repository, err := list(t).Choose(c.ns, c.host, c.path)
			if c.unknown != "" {
				var unknown *UnknownError
				if !errors.As(err, &unknown) || unknown.Registry != c.unknown {
					t.Fatalf("got %q %q %v", registry, repository, err)
				}
				for _, part := range []string{c.unknown, "ghcr.io, localhost:5001, mirror.test", "proxy.upstreams"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q does not say %q", err, part)
					}
				}
				return
			}
			if err != nil || registry != c.registry || repository != c.repository {
				t.Errorf("got %q %q %v", registry, repository, err)
			}
		})
	}
}

func TestNewListRefuses(t *testing.T) {
	for _, c := range []struct {
		name     string
		configs  []Config
		fallback string
		says     string
	}{
		{"no upstream", nil, "", "at least one"},
		{"no name", []Config{{}}, "", "no registry name"},
		{"a name that is no host", []Config{{Registry: "registry"}}, "", "write host or host:port"},
		{"a name with a path", []Config{{Registry: "ghcr.io/a"}}, "", "write host or host:port"},
		{"twice, by an alias", []Config{{Registry: "docker.io"}, {Registry: "index.docker.io"}}, "", "listed twice"},
		{"default not listed", []Config{{Registry: "ghcr.io"}}, "docker.io", "docker.io is not listed"},
		{"endpoint without scheme", []Config{{Registry: "ghcr.io", Endpoints: []string{"ghcr.io"}}}, "", "write https://"},
		{"endpoint with a password", []Config{{Registry: "ghcr.io", Endpoints: []string{"https://u:secret@ghcr.io"}}}, "", "credentials are settings"},
		{"endpoint with a path", []Config{{Registry: "ghcr.io", Endpoints: []string{"https://a.test/v2/x"}}}, "", "only scheme"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewList(c.configs, c.fallback, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("", "", "docker.io/library/nginx")
	f.Add("ghcr.io", "gate.test:5000", "a/b")
	f.Add("http://127.0.0.1:1", "", "//../x")
	f.Add("%2e%2e", "a:b:c", "[::1]:5000/x")
	l := list(f)
	f.Fuzz(func(t *testing.T, ns, host, path string) {
		registry, repository, err := l.Choose(ns, host, path)
		if err != nil {
			return
		}
		if !l.Has(registry) || image.NormalRegistry(registry) != registry {
			t.Errorf("chose %q, which is not on the list", registry)
		}
		if !strings.HasSuffix(path, repository) {
			t.Errorf("made up the repository %q", repository)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("bytes 5-9/10", `</v2/a/tags/list?n=2&last=b>; rel="next"`)
	f.Add("bytes 0-0/*", `<https://evil.test/?x=1>; rel=next, <b>; rel="prev"`)
	f.Add("bytes 9-5/10", "<")
	f.Fuzz(func(t *testing.T, span, link string) {
		if start, total, ok := contentRange(span); ok && (start < 0 || (total >= 0 && start >= total)) {
			t.Errorf("%q gives %d of %d", span, start, total)
		}
		if q := nextPage(link); q != nil && len(q) == 0 {
			t.Errorf("%q gives an empty query", link)
		}
	})
}

func TestHeaders(t *testing.T) {
	if start, total, ok := contentRange("bytes 5-9/10"); !ok || start != 5 || total != 10 {
		t.Errorf("got %d %d %v", start, total, ok)
	}
	q := nextPage(`</v2/x/tags/list?last=1.0&n=100>; rel="next"`)
	if q.Get("last") != "1.0" || q.Get("n") != "100" {
		t.Errorf("got %v", q)
	}
	if q := nextPage(`</v2/x/tags/list?n=1>; rel="prev"`); q != nil {
		t.Errorf("took %v for the next page", q)
	}
}
