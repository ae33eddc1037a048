package image

import (
	"errors"
	"strings"
	"testing"
)

const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func TestParseGivesOneFormForEverySpelling(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"official image", "nginx", "docker.io/library/nginx:latest"},
		{"official image with tag", "nginx:1.27", "docker.io/library/nginx:1.27"},
		{"user's image", "grafana/grafana:11", "docker.io/grafana/grafana:11"},
		{"Docker Hub by name", "docker.io/nginx:1", "docker.io/library/nginx:1"},
		{"Docker Hub's index alias", "index.docker.io/library/nginx:1", "docker.io/library/nginx:1"},
		{"Docker Hub's registry alias", "registry-1.docker.io/library/nginx:1", "docker.io/library/nginx:1"},
		{"Docker Hub's alias without library", "registry-1.docker.io/nginx:1", "docker.io/library/nginx:1"},
		{"upper-case host", "GHCR.io/a/b:C", "ghcr.io/a/b:C"},
		{"redundant port", "quay.io:443/a/b:1", "quay.io/a/b:1"},
		{"port", "registry.example:8443/a:1", "registry.example:8443/a:1"},
		{"localhost", "localhost/a:1", "localhost/a:1"},
		{"localhost in capitals", "LocalHost:5000/a:1", "localhost:5000/a:1"},
		{"IPv6", "[::1]:5000/a/b:1", "[::1]:5000/a/b:1"},
		{"digest", "ghcr.io/a/b@" + zeros, "ghcr.io/a/b@" + zeros},
		{"tag and digest", "ghcr.io/a/b:1@" + zeros, "ghcr.io/a/b:1@" + zeros},
		{"space around", "  nginx \n", "docker.io/library/nginx:latest"},
		{"deep path", "registry.example/a/b/c/d:1", "registry.example/a/b/c/d:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if r.String() != test.want {
				t.Errorf("Parse(%q) = %s, want %s", test.text, r, test.want)
			}
		})
	}
}

func TestParseRefusesWhatIsNoReference(t *testing.T) {
	for _, text := range []string{
		"", "   ", "/", "nginx:", ":tag", "Nginx", "MYHOST/nginx", "a//b", "https://docker.io/nginx", "nginx@sha256:1234",
		"nginx@md5:d41d8cd98f00b204e9800998ecf8427e", "a b", "nginx:tag with space", "../x", "registry.example/../x", "nginx\x00",
		"x:" + strings.Repeat("t", 129), "registry.example/" + strings.Repeat("a", 300), strings.TrimPrefix(zeros, "sha256:"),
	} {
		if r, err := Parse(text); !errors.Is(err, ErrReference) {
			t.Errorf("Parse(%q) = %s, %v, want ErrReference", text, r, err)
		}
	}
}

func TestNew(t *testing.T) {
	for _, test := range []struct{ registry, repository, which, want string }{
		{"https://index.docker.io/v1/", "nginx", "1", "docker.io/library/nginx:1"},
		{"http://Registry.Example:80/", "a", zeros, "registry.example:80/a@" + zeros},
		{"", "library/nginx", "1", "docker.io/library/nginx:1"},
	} {
		r, err := New(test.registry, test.repository, test.which)
		if err != nil || r.String() != test.want {
			t.Errorf("New(%q, %q, %q) = %s, %v, want %s", test.registry, test.repository, test.which, r, err, test.want)
		}
	}
	if _, err := New("registry.example", "a", ""); !errors.Is(err, ErrReference) {
		t.Errorf("neither tag nor digest: %v, want ErrReference", err)
	}
}

func TestBehindFindsTheImageThatAGateNameMeans(t *testing.T) {
	gates := []string{"localhost:5000", "gate.example"}
	upstreams := func(host string) bool { return host == "ghcr.io" || host == DockerHub }
	for _, test := range []struct{ name, text, want string }{
		{"upstream in the path", "localhost:5000/ghcr.io/a/b:1", "ghcr.io/a/b:1"},
		{"Docker Hub in the path", "localhost:5000/docker.io/library/nginx:1", "docker.io/library/nginx:1"},
		{"Docker Hub without library", "localhost:5000/docker.io/nginx:1", "docker.io/library/nginx:1"},
		{"Docker Hub's alias in the path", "gate.example/index.docker.io/library/nginx:1", "docker.io/library/nginx:1"},
		{"no upstream: the default", "localhost:5000/library/nginx:1", "docker.io/library/nginx:1"},
		{"no upstream, one component", "localhost:5000/nginx:1", "docker.io/library/nginx:1"},
		{"host that is not on the list", "localhost:5000/quay.io/a/b:1", "docker.io/quay.io/a/b:1"},
		{"not through the gate", "quay.io/a/b:1", "quay.io/a/b:1"},
		{"digest", "localhost:5000/ghcr.io/a@" + zeros, "ghcr.io/a@" + zeros},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Behind(gates, upstreams, "docker.io").String(); got != test.want {
				t.Errorf("%s is behind the gate %s, want %s", test.text, got, test.want)
			}
		})
	}
}

func TestScopeName(t *testing.T) {
	tagged, _ := Parse("ghcr.io/a/b:DTA@" + zeros)
	if got := tagged.ScopeName(); got != "a/b:DTA" {
		t.Errorf("ScopeName = %s", got)
	}
	if got := (Reference{Registry: "ghcr.io", Repository: "a/b", Digest: zeros}).ScopeName(); got != "a/b@"+zeros {
		t.Errorf("ScopeName without tag = %s", got)
	}
}

func TestPlatform(t *testing.T) {
	for text, want := range map[string]Platform{
		"linux/amd64":    {OS: "linux", Architecture: "amd64"},
		"linux/arm64/v8": {OS: "linux", Architecture: "arm64", Variant: "v8"},
	} {
		p, err := ParsePlatform(text)
		if err != nil || p != want || p.String() != text {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "linux", "/amd64", "linux/", "a/b/c/d"} {
		if _, err := ParsePlatform(text); err == nil {
			t.Errorf("ParsePlatform(%q) gave no error", text)
		}
	}
	for _, test := range []struct {
		p    Platform
		want bool
	}{
		{Platform{OS: "unknown", Architecture: "unknown"}, true},
		{Platform{OS: "Unknown", Architecture: "amd64"}, true},
		{Platform{}, false},                      // containerd looks into the configuration
		{Platform{Architecture: "amd64"}, false}, // containerd takes its own os
		{Host(), false},
	} {
		if test.p.Unknown() != test.want {
			t.Errorf("%v.Unknown() = %v", test.p, !test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx", "docker.io/nginx", "GHCR.io:443/a/b:C@" + zeros, "[::1]:5000/x", "MYHOST/x", "docker.com/x", "a.b/", "localhost/x:y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrReference) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("Parse(%q) = %s, which is read as %s, %v", s, r, again, err)
		}
		if NormalRegistry(r.Registry) != r.Registry {
			t.Fatalf("registry %q of %q is not normal", r.Registry, s)
		}
		if r.Tag == "" && r.Digest == "" {
			t.Fatalf("%q names neither tag nor digest", s)
		}
		if parts, err := New(r.Registry, r.Repository, r.Which()); err != nil || parts.Which() != r.Which() || parts.Name() != r.Name() {
			t.Fatalf("New of the parts of %s = %s, %v", r, parts, err)
		}
	})
}
