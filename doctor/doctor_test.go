package doctor

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes files below a folder that stands for a machine's root.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	cri1 = `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
`
	cri2 = `version = 3
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
`
	closed = `server = "https://gate.example.com"
[host."https://gate.example.com"]
  capabilities = ["pull", "resolve"]
`
	open = `server = "https://registry-1.docker.io"
[host."https://gate.example.com"]
  capabilities = ["pull", "resolve"]
`
)

func TestExamine(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		options Options
		want    map[string]Outcome // of some registries
		verdict Verdict
		says    string // somewhere in whys, mends, notes and faults
	}{
		{
			name:  "Docker with the gate as mirror goes on to Hub",
			files: map[string]string{"etc/docker/daemon.json": `{"registry-mirrors": ["https://gate.example.com"], "log-driver": "journald"}`},
			want:  map[string]Outcome{"docker.io": FallsBack, "ghcr.io": Direct, AnyOther: Direct}, verdict: Bypass, says: "registry-1.docker.io",
		},
		{
			name:  "Docker with another mirror",
			files: map[string]string{"etc/docker/daemon.json": `{"registry-mirrors": ["https://mirror.example.com/"]}`},
			want:  map[string]Outcome{"docker.io": Direct}, verdict: Bypass,
		},
		{
			name:    "Docker in a closed network",
			files:   map[string]string{"etc/docker/daemon.json": `{"registry-mirrors": ["https://gate.example.com"]}`},
			options: Options{Held: true},
			want:    map[string]Outcome{"docker.io": Held, AnyOther: Held}, verdict: Safe,
		},
		{
			name:  "Docker installed and never configured",
			files: map[string]string{"usr/bin/dockerd": ""},
			want:  map[string]Outcome{"docker.io": Direct}, verdict: Bypass,
		},
		{
			name:    "Docker with a broken file",
			files:   map[string]string{"etc/docker/daemon.json": `{"registry-mirrors": [`},
			verdict: Unknown, says: "/etc/docker/daemon.json",
		},
		{
			name: "containerd 1.x, every registry by _default",
			files: map[string]string{
				"etc/containerd/config.toml":                 cri1,
				"etc/containerd/certs.d/_default/hosts.toml": closed,
			},
			want: map[string]Outcome{"docker.io": Gated, "registry.k8s.io": Gated, AnyOther: Gated}, verdict: Safe,
		},
		{
			name: "containerd 2.x, Hub closed, one registry left as it was",
			files: map[string]string{
				"etc/containerd/config.toml":                  cri2,
				"etc/containerd/certs.d/docker.io/hosts.toml": open,
				"etc/docker/certs.d/_default/hosts.toml":      closed,
			},
			want: map[string]Outcome{"docker.io": FallsBack, "quay.io": Gated, AnyOther: Gated}, verdict: Bypass, says: `server = "https://gate.example.com"`,
		},
		{
			name: "containerd, no server in hosts.toml",
			files: map[string]string{
				"etc/containerd/config.toml":                cri1,
				"etc/containerd/certs.d/ghcr.io/hosts.toml": "[host.\"https://gate.example.com\"]\n",
			},
			options: Options{Registries: []string{"ghcr.io"}},
			want:    map[string]Outcome{"ghcr.io": FallsBack}, verdict: Bypass, says: "no server",
		},
		{
			name: "containerd, the server only takes pushes",
			files: map[string]string{
				"etc/containerd/config.toml":                  cri1,
				"etc/containerd/certs.d/docker.io/hosts.toml": "server = \"https://registry-1.docker.io\"\ncapabilities = [\"push\"]\n[host.\"https://gate.example.com\"]\n",
			},
			options: Options{Registries: []string{"docker.io"}},
			want:    map[string]Outcome{"docker.io": Gated}, verdict: Safe,
		},
		{
			name: "containerd, a second host after the gate",
			files: map[string]string{
				"etc/containerd/config.toml":                  cri1,
				"etc/containerd/certs.d/docker.io/hosts.toml": closed + "[host.\"https://mirror.gcr.io\"]\n",
			},
			options: Options{Registries: []string{"docker.io"}},
			want:    map[string]Outcome{"docker.io": FallsBack}, verdict: Bypass, says: "mirror.gcr.io",
		},
		{
			name: "containerd, hosts.toml with a mistake is no hosts.toml",
			files: map[string]string{
				"etc/containerd/config.toml":                  cri1,
				"etc/containerd/certs.d/docker.io/hosts.toml": strings.Replace(closed, `"pull"`, `"pul"`, 1),
			},
			options: Options{Registries: []string{"docker.io"}},
			want:    map[string]Outcome{"docker.io": Direct}, verdict: Bypass, says: "ignores this file",
		},
		{
			name: "containerd, registry with a port",
			files: map[string]string{
				"etc/containerd/config.toml":                                   cri1,
				"etc/containerd/certs.d/registry.example.com_5443_/hosts.toml": closed,
			},
			want: map[string]Outcome{"registry.example.com:5443": Gated, "docker.io": Direct}, verdict: Bypass,
		},
		{
			name: "containerd 1.x does not read certs.d unless it is told",
			files: map[string]string{
				"etc/containerd/config.toml":                 "version = 2\n",
				"etc/containerd/certs.d/_default/hosts.toml": closed,
			},
			want: map[string]Outcome{"docker.io": Direct}, verdict: Bypass, says: "config_path",
		},
		{
			name: "containerd 2.x reads certs.d without being told",
			files: map[string]string{
				"etc/containerd/config.toml":                 "version = 3\n",
				"etc/containerd/certs.d/_default/hosts.toml": closed,
			},
			want: map[string]Outcome{"docker.io": Gated, AnyOther: Gated}, verdict: Safe,
		},
		{
			name: "containerd, the form before hosts.toml",
			files: map[string]string{"etc/containerd/config.toml": `version = 2
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["https://gate.example.com"]
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
  endpoint = ["https://gate.example.com"]
`},
			want: map[string]Outcome{"docker.io": FallsBack, "quay.io": FallsBack, AnyOther: FallsBack}, verdict: Bypass, says: "always ends at the registry itself",
		},
		{
			name: "containerd, config_path in an imported file",
			files: map[string]string{
				"etc/containerd/config.toml":                 "version = 2\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n",
				"etc/containerd/conf.d/registry.toml":        cri1,
				"etc/containerd/certs.d/_default/hosts.toml": closed,
			},
			want: map[string]Outcome{"docker.io": Gated}, verdict: Safe,
		},
		{
			name: "containerd as Docker brings it",
			files: map[string]string{
				"etc/containerd/config.toml": "disabled_plugins = [\"cri\"]\n", "usr/bin/containerd": "",
			},
			verdict: Safe, says: "(CRI) is off",
		},
		{
			name:    "a folder of hosts.toml files alone",
			files:   map[string]string{"certs/_default/hosts.toml": closed},
			options: Options{Containerd: "/certs"},
			want:    map[string]Outcome{"docker.io": Gated, AnyOther: Gated}, verdict: Safe,
		},
		{
			name: "Podman with the gate as mirror goes on to Hub",
			files: map[string]string{"etc/containers/registries.conf": `unqualified-search-registries = ["docker.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "gate.example.com/docker.io"
`},
			want: map[string]Outcome{"docker.io": FallsBack, "quay.io": Direct}, verdict: Bypass, says: `location = "gate.example.com/docker.io"`,
		},
		{
			name: "CRI-O with names rewritten to the gate",
			files: map[string]string{
				"etc/containers/registries.conf":                "unqualified-search-registries = []\n",
				"etc/containers/registries.conf.d/50-gate.conf": "[[registry]]\nprefix = \"docker.io\"\nlocation = \"gate.example.com/docker.io\"\n[[registry]]\nprefix = \"*.example.org\"\nlocation = \"gate.example.com/all\"\n[[registry]]\nprefix = \"ghcr.io\"\nblocked = true\n",
			},
			options: Options{Registries: []string{"docker.io", "registry.example.org", "ghcr.io"}},
			want:    map[string]Outcome{"docker.io": Gated, "registry.example.org": Gated, "ghcr.io": Blocked}, verdict: Safe,
		},
		{
			name: "a longer prefix of the same registry has its own source",
			files: map[string]string{"etc/containers/registries.conf": `[[registry]]
prefix = "docker.io"
location = "gate.example.com/docker.io"
[[registry]]
location = "docker.io/library"
`},
			options: Options{Registries: []string{"docker.io", "docker.io/library"}},
			want:    map[string]Outcome{"docker.io": Gated, "docker.io/library": Direct}, verdict: Bypass,
		},
		{
			name: "a drop-in replaces the prefix",
			files: map[string]string{
				"etc/containers/registries.conf":               "[[registry]]\nprefix = \"docker.io\"\nlocation = \"gate.example.com/docker.io\"\n",
				"etc/containers/registries.conf.d/99-own.conf": "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n",
			},
			options: Options{Registries: []string{"docker.io"}},
			want:    map[string]Outcome{"docker.io": Direct}, verdict: Bypass,
		},
		{
			name: "somebody's own file replaces the system's",
			files: map[string]string{
				"home/ann/.config/containers/registries.conf": "[[registry]]\nlocation = \"docker.io\"\n",
			},
			options: Options{Registries: []string{"docker.io"}},
			want:    map[string]Outcome{"docker.io": Direct}, verdict: Bypass,
		},
		{
			name:  "registries.conf of version 1",
			files: map[string]string{"etc/containers/registries.conf": "[registries.search]\nregistries = ['docker.io']\n[registries.block]\nregistries = ['quay.io']\n"},
			want:  map[string]Outcome{"docker.io": Direct, "quay.io": Blocked}, verdict: Bypass,
		},
		{
			name:    "registries.conf with a mistake",
			files:   map[string]string{"etc/containers/registries.conf": "[[registry]\n"},
			verdict: Unknown, says: "/etc/containers/registries.conf",
		},
		{
			name: "BuildKit goes on to the registry",
			files: map[string]string{"etc/buildkit/buildkitd.toml": `[registry."docker.io"]
  mirrors = ["gate.example.com"]
[registry."gate.example.com"]
  http = false
`},
			want: map[string]Outcome{"docker.io": FallsBack, "ghcr.io": Direct}, verdict: Bypass, says: "FROM gate.example.com/docker.io",
		},
		{
			name:  "K3s falls back unless told",
			files: map[string]string{"etc/rancher/k3s/registries.yaml": "mirrors:\n  docker.io:\n    endpoint: [\"https://gate.example.com\"]\n"},
			want:  map[string]Outcome{"docker.io": FallsBack, "quay.io": Direct}, verdict: Bypass, says: noFallback,
		},
		{
			name: "K3s told, for each registry that is listed",
			files: map[string]string{
				"etc/rancher/k3s/registries.yaml": "mirrors:\n  docker.io:\n    endpoint: [\"https://gate.example.com\"]\n  quay.io:\n    endpoint: [\"https://gate.example.com\", \"https://quay.io\"]\n",
				"etc/rancher/k3s/config.yaml":     "disable-default-registry-endpoint: true\n",
			},
			want: map[string]Outcome{"docker.io": Gated, "quay.io": FallsBack, "ghcr.io": Direct}, verdict: Bypass,
		},
		{
			name: "RKE2 told, with a wildcard",
			files: map[string]string{
				"etc/rancher/rke2/registries.yaml":                 "mirrors:\n  \"*\":\n    endpoint: [\"https://gate.example.com\"]\n",
				"usr/local/lib/systemd/system/rke2-server.service": "[Service]\nExecStart=/usr/local/bin/rke2 server --disable-default-registry-endpoint\n",
			},
			want: map[string]Outcome{"docker.io": Gated, AnyOther: Gated}, verdict: Safe,
		},
		{
			name:    "gate named with its port and in capitals",
			files:   map[string]string{"certs/_default/hosts.toml": strings.ReplaceAll(closed, "gate.example.com", "GATE.example.com:443")},
			options: Options{Containerd: "/certs"},
			want:    map[string]Outcome{AnyOther: Gated}, verdict: Safe,
		},
		{
			name:    "another port is another registry",
			files:   map[string]string{"certs/_default/hosts.toml": strings.ReplaceAll(closed, "gate.example.com", "gate.example.com:5000")},
			options: Options{Containerd: "/certs"},
			want:    map[string]Outcome{AnyOther: Direct}, verdict: Bypass,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Root = tree(t, c.files)
			if c.options.Gates == nil {
				c.options.Gates = []string{"gate.example.com"}
			}
			r, err := Examine(t.Context(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Engines) != 1 {
				t.Fatalf("%d engines: %+v", len(r.Engines), r.Engines)
			}
			engine, got := r.Engines[0], map[string]Route{}
			said := strings.Join(append(engine.Notes, engine.Faults...), "\n")
			for _, route := range engine.Routes {
				got[route.Registry] = route
				said += "\n" + route.Why + "\n" + route.Mend
				if safe := route.Outcome == Gated || route.Outcome == Blocked; safe == (route.Why != "" && route.Mend != "") {
					t.Errorf("%s %s: why %q, mend %q", route.Registry, route.Outcome, route.Why, route.Mend)
				}
			}
			for _, registry := range slices.Sorted(maps.Keys(c.want)) {
				if got[registry].Outcome != c.want[registry] {
					t.Errorf("%s is %q, want %q: %+v", registry, got[registry].Outcome, c.want[registry], got[registry])
				}
			}
			if r.Verdict != c.verdict {
				t.Errorf("the verdict is %s, want %s: %+v", r.Verdict, c.verdict, engine)
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("nothing says %q:\n%s", c.says, said)
			}
		})
	}
}

func TestNothingToExamine(t *testing.T) {
	root := t.TempDir()
	if _, err := Examine(t.Context(), Options{Root: root, Gates: []string{"gate.example.com"}}); !errors.Is(err, ErrNothing) {
		t.Errorf("an empty machine: %v", err)
	}
	for name, o := range map[string]Options{
		"no gate":           {Root: root},
		"gate with a path":  {Root: root, Gates: []string{"gate.example.com/docker.io"}},
		"gate over ftp":     {Root: root, Gates: []string{"ftp://gate.example.com"}},
		"no such root":      {Root: filepath.Join(root, "none"), Gates: []string{"gate.example.com"}},
		"root is no folder": {Root: "/dev/null", Gates: []string{"gate.example.com"}},
	} {
		if _, err := Examine(t.Context(), o); err == nil || errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]Options{
		"missing daemon.json": {Docker: "/none.json"}, "missing config.toml": {Containerd: "/none.toml"}, "missing registries.conf": {Containers: "/none.conf"},
		"missing buildkitd.toml": {BuildKit: "/none.toml"}, "missing registries.yaml": {K3s: "/none.yaml"},
	} {
		o.Root, o.Gates = root, []string{"gate.example.com"}
		if r, err := Examine(t.Context(), o); err != nil || r.Verdict != Unknown {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

func TestLinksDoNotLeaveTheRoot(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "daemon.json")
	if err := os.WriteFile(outside, []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	root := tree(t, map[string]string{"etc/docker/key.json": ""})
	if err := os.Symlink(outside, filepath.Join(root, "etc/docker/daemon.json")); err != nil {
		t.Fatal(err)
	}
	r, err := Examine(t.Context(), Options{Root: root, Gates: []string{"gate.example.com"}})
	if err != nil || r.Verdict != Unknown {
		t.Errorf("%v, %+v", err, r)
	}
}
