package system

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// TestCannotStart lists what keeps the gate from starting: each is said by name.
func TestCannotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := func() string { return testenv.FreeAddress(t) }
	for name, c := range map[string]struct {
		env  []string
		want []string
	}{
		"port in use":          {[]string{"SALLYPORT_PROXY_LISTEN=" + taken.Addr().String()}, []string{"proxy.listen", taken.Addr().String(), "in use"}},
		"data is a file":       {[]string{"SALLYPORT_DATA=" + file}, []string{file, "SALLYPORT_DATA"}},
		"unknown setting":      {[]string{"SALLYPORT_PROXI_LISTEN=:1"}, []string{"SALLYPORT_PROXI_LISTEN", "SALLYPORT_PROXY_LISTEN"}},
		"no such settings":     {[]string{"SALLYPORT_CONFIG=/nowhere/sallyport.yaml"}, []string{"/nowhere/sallyport.yaml"}},
		"no such driver":       {[]string{"SALLYPORT_STORAGE={tape: {}}"}, []string{"storage.tape"}},
		"rules folder missing": {[]string{"SALLYPORT_POLICIES_DIR=/nowhere/policies"}, []string{"/nowhere/policies"}},
	} {
		t.Run(name, func(t *testing.T) {
			env := append([]string{
				"SALLYPORT_DATA=" + t.TempDir(), "SALLYPORT_PROXY_LISTEN=" + free(), "SALLYPORT_WEBHOOK_LISTEN=" + free(),
				"SALLYPORT_CONSOLE_LISTEN=" + free(), "SALLYPORT_METRICS_LISTEN=" + free(),
			}, c.env...)
			out, code := program(t, env, "serve")
			if code != exitFailed {
				t.Errorf("the exit code is %d", code)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("the message does not say %q:\n%s", w, out)
				}
			}
		})
	}
}

const exitFailed, exitInconclusive, exitError = 1, 2, 3

// TestScanRefuses gives scan what it cannot scan.
func TestScanRefuses(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.tar")
	if err := os.WriteFile(broken, []byte("this is no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":             {nil, "--archive"},
		"two things":          {[]string{"image", "--archive", broken}, "one of"},
		"broken archive":      {[]string{"--archive", broken}, broken},
		"missing archive":     {[]string{"--archive", filepath.Join(dir, "none.tar")}, "none.tar"},
		"missing layout":      {[]string{"--layout", filepath.Join(dir, "none")}, "none"},
		"malformed reference": {[]string{"Not A Reference"}, "not an image reference"},
		"unknown format":      {[]string{"--archive", broken, "--format", "pdf"}, "pdf"},
		"no policies":         {[]string{"--archive", broken, "--policy", filepath.Join(dir, "none")}, "folder of policies"},
		"an unknown flag":     {[]string{"--colour"}, "--colour"},
		"bad platform":        {[]string{"--archive", broken, "--platform", "linux"}, "os/architecture"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := program(t, nil, append([]string{"scan"}, c.args...)...)
			if code != exitError || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, exitError, c.want, out)
			}
		})
	}
}

// TestOddImages scans images that cannot be run as they are.
func TestOddImages(t *testing.T) {
	t.Parallel()
	config, err := benign(t).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture = "s390x"
	foreign, err := mutate.ConfigFile(benign(t), config)
	if err != nil {
		t.Fatal(err)
	}
	entrypointless, err := mutate.Config(benign(t), v1.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		image v1.Image
		want  string
	}{
		"another CPU":   {foreign, "s390x"},
		"no entrypoint": {entrypointless, "ENTRYPOINT"},
		"no layers":     {withPlatform(t, empty.Image), "no layers"},
	} {
		t.Run(name, func(t *testing.T) {
			archive := filepath.Join(t.TempDir(), "odd.tar")
			if err := crane.Save(c.image, "sample.test/odd:v1", archive); err != nil {
				t.Fatal(err)
			}
			work := scratch(t)
			out, code := program(t, []string{"SALLYPORT_SANDBOX_DIR=" + work}, "scan", "--archive", archive)
			if code != exitInconclusive || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, exitInconclusive, c.want, out)
			}
			noTrace(t, work)
		})
	}
}

// TestProxyRefuses asks the gate for what it cannot give.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	g := startGate(t, upstream(t, map[string]v1.Image{"demo/good:v1": benign(t)}), "")
	for path, status := range map[string]int{
		"/v2/": http.StatusOK,
		"/v2/registry.invalid/app/manifests/v1?ns=evil.test": http.StatusNotFound,
		"/v2/upstream.test/demo/none/manifests/v1":           http.StatusNotFound,
		"/v2/upstream.test/Demo/good/manifests/v1":           http.StatusBadRequest,
		"/v2/upstream.test/demo/good/manifests/sha256:ab":    http.StatusBadRequest,
		"/v2/upstream.test/demo/good/manifests/v1":           http.StatusOK,
	} {
		if resp := get(t, http.MethodGet, "http://"+g.proxy+path); resp.StatusCode != status {
			t.Errorf("GET %s is answered with %s, want %d", path, resp.Status, status)
		}
	}
	if resp := get(t, http.MethodPut, "http://"+g.proxy+"/v2/upstream.test/demo/good/manifests/v2"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a push is answered with %s", resp.Status)
	}
	broken := filepath.Join(t.TempDir(), "policy.yaml")
	text := "name: broken\nassurance_type: image\ndta_enabled: true\nscope:\n  expression: v1 && v7\n  variables: [{attribute: image.name, value: '*'}]\n"
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := g.command("policy", "apply", "-f", broken); code == 0 || !strings.Contains(out, "v7") {
		t.Errorf("a policy with a variable out of range: exit code %d:\n%s", code, out)
	}
}

// TestOrdinaryUser runs the whole gate without any privilege.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	testenv.NeedRoot(t) // to become somebody else
	dir, err := os.MkdirTemp("", "sallyport-user")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "image.tar")
	if err := crane.Save(malicious(t), "sample.test/image:v1", archive); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(archive, 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sallyport")
	if err := crossDevice(binary, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "scan", "--archive", archive)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SALLYPORT_SANDBOX_DIR=" + filepath.Join(dir, "work"), "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "reverse-shell") {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	noTrace(t, filepath.Join(dir, "work"))
}

// crossDevice copies a program to where everybody may run it.
func crossDevice(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func hostPlatform() *v1.Platform { return &v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

func withPlatform(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	out, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pushIndex(t *testing.T, at string, index v1.ImageIndex) {
	t.Helper()
	ref, err := name.ParseReference(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
}

// example is a file of the examples that the README uses.
func example(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../examples/policies", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
