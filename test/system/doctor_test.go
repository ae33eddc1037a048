package system

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestDoctor pulls a denied image with engines that may fall back to the
// registry itself, which works, and with engines that may not; and asks
// `sallyport doctor` about the same files.
func TestDoctor(t *testing.T) {
	host := upstream(t, map[string]v1.Image{"demo/bad:DTA": malicious(t)})
	g := startGate(t, host, "")
	for _, c := range []struct {
		name  string
		falls bool
		flag  string
		text  string
		file  string
		pull  func(t *testing.T, dir, text string) func(string) (string, error)
	}{
		{name: "containerd, server is the registry", falls: true, flag: "--containerd", file: "certs.d/upstream.test/hosts.toml",
			text: strings.Replace(closedHosts(g), g.proxy, host, 1), pull: pullByContainerd},
		{name: "containerd, server is the gate", flag: "--containerd", file: "certs.d/upstream.test/hosts.toml",
			text: closedHosts(g), pull: pullByContainerd},
		{name: "containerd, the file cannot be read", falls: true, flag: "--containerd", file: "certs.d/localhost/hosts.toml",
			text: strings.Replace(closedHosts(g), `"pull"`, `"pul"`, 1)},
		{name: "Podman, mirror", falls: true, flag: "--containers", file: "registries.conf", text: mirrored(g, host), pull: pullByPodman},
		{name: "Podman, rewritten", flag: "--containers", file: "registries.conf", text: rewritten(g), pull: pullByPodman},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, c.file), c.text)
			at, _, _ := strings.Cut(c.file, "/")
			out, code := program(t, nil, "doctor", c.flag, filepath.Join(dir, at), "--gate", g.proxy, "--registry", "upstream.test")
			want := map[bool]int{false: 0, true: exitFailed}[c.falls]
			if code != want {
				t.Errorf("doctor ends with %d, want %d:\n%s", code, want, out)
			}
			if !strings.Contains(out, g.proxy+" is a gate") {
				t.Errorf("doctor does not know the gate:\n%s", out)
			}
			if c.pull == nil {
				return
			}
			out, err := c.pull(t, dir, c.text)("upstream.test/demo/bad:DTA")
			if pulled := err == nil; pulled != c.falls {
				t.Errorf("the denied image is pulled: %v, want %v\n%s", pulled, c.falls, out)
			}
		})
	}
	if out, code := program(t, nil, "doctor", "--docker", "/dev/null", "--gate", host); code != exitFailed || !strings.Contains(out, "is no gate") {
		t.Errorf("a registry that is no gate: exit code %d\n%s", code, out)
	}
}

func pullByContainerd(t *testing.T, dir, _ string) func(string) (string, error) {
	c := containerd(t)
	c.Hosts = filepath.Join(dir, "certs.d")
	return c.pull
}

func pullByPodman(t *testing.T, _, text string) func(string) (string, error) { return podman(t, text) }
