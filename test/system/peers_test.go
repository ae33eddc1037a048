package system

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/demo"
	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// upstream is a registry on loopback that holds images; it returns its host:port.
func upstream(t *testing.T, images map[string]v1.Image) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	for at, img := range images {
		ref, err := name.ParseReference(host + "/" + at)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatalf("pushing %s: %v", at, err)
		}
	}
	return host
}

// benign and malicious are the images of the demonstration.
func benign(t *testing.T) v1.Image    { return demoImage(t, false) }
func malicious(t *testing.T) v1.Image { return demoImage(t, true) }

func demoImage(t *testing.T, bad bool) v1.Image {
	t.Helper()
	images, err := demo.Images(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		if i.Malicious == bad {
			return i.Image
		}
	}
	t.Fatalf("the demonstration has no image with malicious=%v", bad)
	return nil
}

// docker starts a Docker engine of the test's own, with more settings, and
// returns a function that runs the client against it.
func docker(t *testing.T, settings ...string) func(args ...string) (string, error) {
	t.Helper()
	testenv.NeedRoot(t)
	engine, client := testenv.NeedCommand(t, "dockerd"), testenv.NeedCommand(t, "docker")
	dir, err := os.MkdirTemp("", "sallyport-docker")
	if err != nil {
		t.Fatal(err)
	}
	socket := "unix://" + filepath.Join(dir, "d.sock")
	said := new(syncBuffer)
	cmd := exec.Command(engine, append(settings, "--host", socket, "--data-root", filepath.Join(dir, "root"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--iptables=false", "--bridge=none")...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		unmountBelow(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the Docker engine's folder: %v", err)
		}
	})
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, client, append([]string{"--host", socket}, args...)...).CombinedOutput()
		return string(out), err
	}
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := run("version"); err == nil {
			return run
		}
		if time.Now().After(deadline) {
			t.Fatalf("the Docker engine does not start:\n%s", said)
		}
	}
}

// unmountBelow unmounts what an engine left mounted below dir.
func unmountBelow(dir string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			_ = syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
}

// redisServer starts a Redis of the test's own and returns its URL.
func redisServer(t *testing.T) string {
	t.Helper()
	path := testenv.NeedCommand(t, "redis-server")
	address := testenv.FreeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(path, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "redis://" + address + "/0"
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not start")
		}
	}
}

// get asks the proxy for a path and returns status and headers.
func get(t *testing.T, method, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}
