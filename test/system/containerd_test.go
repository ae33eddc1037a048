package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// theContainerd is a containerd of the test's own.
type theContainerd struct {
	t      *testing.T
	socket string
	Hosts  string // its folder of hosts.toml files
}

// containerd starts Debian's containerd apart from any other.
func containerd(t *testing.T) *theContainerd {
	t.Helper()
	testenv.NeedRoot(t)
	program := testenv.NeedCommand(t, "containerd")
	testenv.NeedCommand(t, "ctr")
	dir, err := os.MkdirTemp("", "sallyport-containerd")
	if err != nil {
		t.Fatal(err)
	}
	c := &theContainerd{t: t, socket: filepath.Join(dir, "c.sock"), Hosts: filepath.Join(dir, "certs.d")}
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n[grpc]\naddress = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), c.socket)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	said := new(syncBuffer)
	cmd := exec.Command(program, "--config", config)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		unmountBelow(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("containerd's folder: %v", err)
		}
	})
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := c.ctr("version"); err == nil {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("containerd does not start:\n%s", said)
		}
	}
}

func (c *theContainerd) ctr(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ctr", append([]string{"--address", c.socket}, args...)...).CombinedOutput()
	return string(out), err
}

// pull takes an image, after it was forgotten: nothing comes from an earlier pull.
func (c *theContainerd) pull(image string) (string, error) {
	_, _ = c.ctr("images", "remove", "--sync", image)
	return c.ctr("images", "pull", "--hosts-dir", c.Hosts, "--snapshotter", "native", image)
}

// configure writes the hosts.toml of a registry.
func (c *theContainerd) configure(registry, text string) {
	c.t.Helper()
	write(c.t, filepath.Join(c.Hosts, registry, "hosts.toml"), text)
}

// write writes a file, with its folders.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
