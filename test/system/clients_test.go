package system

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// aClient is a program that pulls images.
type aClient struct {
	pull func(image string) (string, error)
	// name is how it is told to fetch demo/x through the gate; nil for the
	// gate's own name.
	name func(image string) string
	// Printed when the gate denies an image.
	denied []string
}

// TestClients pulls with the programs that people use: what is allowed by tag,
// by digest and as an index; and looks at what each prints of a denial.
func TestClients(t *testing.T) {
	good, bad := benign(t), malicious(t)
	host := upstream(t, map[string]v1.Image{"demo/good:v1": good, "demo/bad:DTA": bad, "library/good:v1": good, "library/bad:DTA": bad})
	pushIndex(t, host+"/demo/multi:v1", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: good, Descriptor: v1.Descriptor{Platform: hostPlatform()}}))
	g := startGate(t, host, "")
	_, port, _ := net.SplitHostPort(g.proxy)
	localhost := "localhost:" + port

	withMessage := []string{"denied", "reverse-shell", "decision "}
	clients := map[string]func(t *testing.T) aClient{
		"docker": func(t *testing.T) aClient {
			engine := docker(t)
			return aClient{pull: func(i string) (string, error) {
				_, _ = engine("image", "prune", "--all", "--force")
				return engine("pull", i)
			}, denied: withMessage}
		},
		"docker, registry-mirrors": func(t *testing.T) aClient {
			engine := docker(t, "--registry-mirror", "http://"+g.proxy)
			return aClient{pull: func(i string) (string, error) {
				_, _ = engine("image", "prune", "--all", "--force")
				return engine("pull", i)
			}, name: func(i string) string {
				if !strings.HasPrefix(i, "library/") {
					return "" // the gate's default upstream stands for Docker Hub
				}
				return "docker.io/" + i
			}, denied: []string{"registry-1.docker.io"}} // it goes on to Docker Hub, which is not there
		},
		"skopeo": func(t *testing.T) aClient {
			skopeo := testenv.NeedCommand(t, "skopeo")
			return aClient{pull: func(i string) (string, error) {
				return client(skopeo, "copy", "--insecure-policy", "--src-tls-verify=false", "docker://"+i, "dir:"+t.TempDir())
			}, denied: withMessage}
		},
		"crane": func(t *testing.T) aClient {
			crane := peer(t, "github.com/google/go-containerregistry/cmd/crane")
			return aClient{pull: func(i string) (string, error) {
				return client(crane, "pull", i, filepath.Join(t.TempDir(), "image.tar"))
			}, denied: append(withMessage, "DENIED")}
		},
		"containerd": func(t *testing.T) aClient {
			c := containerd(t)
			c.configure(localhost, fmt.Sprintf("server = \"http://%s\"\n", g.proxy))
			return aClient{pull: c.pull, denied: []string{"403 Forbidden"}} // 1.6 shows no more
		},
		"containerd, hosts.toml": func(t *testing.T) aClient {
			c := containerd(t)
			c.configure("_default", closedHosts(g))
			return aClient{pull: c.pull, name: upstreamName, denied: []string{"403 Forbidden"}}
		},
		"podman": func(t *testing.T) aClient {
			return aClient{pull: podman(t, insecure(localhost)), denied: withMessage}
		},
		"podman, rewritten names": func(t *testing.T) aClient {
			return aClient{pull: podman(t, rewritten(g)), name: upstreamName, denied: withMessage}
		},
		"podman, mirror": func(t *testing.T) aClient {
			// Both the mirror and what comes after it are the gate.
			return aClient{pull: podman(t, mirrored(g, g.proxy+"/upstream.test")), name: upstreamName, denied: withMessage}
		},
	}
	for name, start := range clients {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			if c.name == nil {
				c.name = g.image
			}
			for _, image := range []string{"library/good:v1", "demo/good:v1", "demo/good@" + digestOf(t, good), "demo/multi:v1"} {
				if name := c.name(image); name != "" {
					if out, err := c.pull(name); err != nil {
						t.Errorf("%s is not pulled: %v\n%s", name, err, out)
					}
				}
			}
			for _, image := range []string{"library/bad:DTA", "demo/bad:DTA", "demo/bad@" + digestOf(t, bad)} {
				name := c.name(image)
				if name == "" {
					continue
				}
				out, err := c.pull(name)
				if err == nil {
					t.Errorf("%s is pulled:\n%s", name, out)
				}
				for _, want := range c.denied {
					if !strings.Contains(out, want) {
						t.Errorf("pulling %s does not print %q:\n%s", name, want, out)
					}
				}
				t.Logf("pulling %s prints:\n%s", name, out)
			}
		})
	}
}

// upstreamName is an image's own name, as a client uses it that was configured
// to go to the gate.
func upstreamName(image string) string { return "upstream.test/" + image }

func closedHosts(g *theGate) string {
	return fmt.Sprintf("server = \"http://%[1]s\"\n[host.\"http://%[1]s\"]\ncapabilities = [\"pull\", \"resolve\"]\n", g.proxy)
}

func insecure(host string) string {
	return fmt.Sprintf("unqualified-search-registries = []\n[[registry]]\nlocation = %q\ninsecure = true\n", host)
}

func rewritten(g *theGate) string {
	return fmt.Sprintf("[[registry]]\nprefix = \"upstream.test\"\nlocation = \"%s/upstream.test\"\ninsecure = true\n", g.proxy)
}

// mirrored asks the gate first, and then what is at location.
func mirrored(g *theGate, location string) string {
	return fmt.Sprintf("[[registry]]\nprefix = \"upstream.test\"\nlocation = %q\ninsecure = true\n[[registry.mirror]]\nlocation = \"%s/upstream.test\"\ninsecure = true\n", location, g.proxy)
}

// podman returns a function that pulls with a registries.conf, into a store of
// its own that is emptied first.
func podman(t *testing.T, registries string) func(image string) (string, error) {
	t.Helper()
	testenv.NeedRoot(t)
	program := testenv.NeedCommand(t, "podman")
	dir, err := os.MkdirTemp("", "podman") // its run folder may not have a long path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountBelow(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("podman's folder: %v", err)
		}
	})
	conf := filepath.Join(dir, "registries.conf")
	write(t, conf, registries)
	policy := filepath.Join(dir, "policy.json")
	write(t, policy, `{"default": [{"type": "insecureAcceptAnything"}]}`)
	with := func(args ...string) (string, error) {
		return client("env", append([]string{"CONTAINERS_REGISTRIES_CONF=" + conf, program, "--root", filepath.Join(dir, "root"),
			"--runroot", filepath.Join(dir, "run"), "--tmpdir", filepath.Join(dir, "tmp"), "--storage-driver", "vfs"}, args...)...)
	}
	return func(image string) (string, error) {
		_, _ = with("rmi", "--all", "--force")
		return with("pull", "--signature-policy", policy, image)
	}
}

func client(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	return string(out), err
}

func digestOf(t *testing.T, what partial.Describable) string {
	t.Helper()
	d, err := what.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
