package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/internal/tinyelf"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	runtime.ReexecIfSandbox()
	os.Exit(m.Run())
}

// TestTheCollectorIsPutOffEarly: package early does its work before what is
// large is initialised, or it is in vain.
func TestTheCollectorIsPutOffEarly(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "help")
	cmd.Args[0] = "runsc"
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	trace, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, trace)
	}
	at := func(pkg string) int { return strings.Index(string(trace), "init "+pkg+" @") }
	early := at("github.com/sallyport-dev/sallyport/sandbox/runtime/early")
	for _, pkg := range []string{"github.com/santhosh-tekuri/jsonschema/v6", "github.com/open-policy-agent/opa/v1/ast", "gvisor.dev/gvisor/pkg/sentry/syscalls/linux"} {
		if early < 0 || at(pkg) < early {
			t.Errorf("%s is at %d of the trace, package early at %d", pkg, at(pkg), early)
		}
	}
}

// BenchmarkTrue is what the benchmark of the same name in sandbox/runtime is,
// with all that the program brings along: each process of a sandbox initialises it.
func BenchmarkTrue(b *testing.B) {
	runtimetest.Need(b)
	root, err := rootfs.Build(context.Background(), hello(b), filepath.Join(b.TempDir(), "image.erofs"), rootfs.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	root.Close()
	spec := runtime.Spec{Dir: b.TempDir(), Root: root.Path, Process: runtime.Process{Args: []string{"/hello"}}, DiffPath: filepath.Join(b.TempDir(), "diff.tar")}
	before := used()
	for b.Loop() {
		if r, err := runtime.Run(b.Context(), spec); err != nil || r.End != runtime.Exited {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric((used()-before)/float64(b.N), "cpu-ms/op")
}

// used is the CPU time of this process and its children in milliseconds.
func used() float64 {
	sum := int64(0)
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		_ = unix.Getrusage(who, &u)
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return float64(sum) / 1e6
}

// hello is an image of one small program.
func hello(t testing.TB) v1.Image {
	t.Helper()
	program, err := tinyelf.Hello(goruntime.GOARCH, "hello\n")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "hello", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
