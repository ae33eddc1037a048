package runtime_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/runtimetest"
)

var scratch string // for what all tests share

func TestMain(m *testing.M) {
	runtime.ReexecIfSandbox()
	if len(os.Args) > 1 && os.Args[1] == daemonArg {
		daemon(os.Args[2:])
		return
	}
	dir, err := os.MkdirTemp("", "runtime-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	// Other users must reach the image; it is not secret.
	_ = os.Chmod(dir, 0o755)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// image is a root file system with busybox, the guest program and a few files.
var image = sync.OnceValues(func() (string, error) {
	guest := filepath.Join(scratch, "guest")
	build := exec.Command("go", "build", "-o", guest, "./testdata/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	box, err := exec.LookPath("busybox")
	if err != nil {
		return "", err
	}
	files := map[string]string{"bin/guest": guest, "bin/busybox": box}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dir := func(name string, mode int64) {
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode})
	}
	dir("bin/", 0o755)
	dir("etc/", 0o755)
	dir("tmp/", 0o1777)
	dir("root/", 0o700)
	for name, from := range files {
		content, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
		w.Write(content)
	}
	// What ordinary images have and lookups rarely meet.
	dir("odd/", 0o2755)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeBlock, Name: "odd/disk", Mode: 0o660, Devmajor: 8, Devminor: 1})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeFifo, Name: "odd/pipe", Mode: 0o600})
	w.WriteHeader(&tar.Header{Name: "odd/ping", Mode: 0o755, Size: 2, Format: tar.FormatPAX, PAXRecords: map[string]string{
		"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"SCHILY.xattr.user.note":           "x",
	}})
	io.WriteString(w, "hi")
	suid, err := os.ReadFile(guest)
	if err != nil {
		return "", err
	}
	w.WriteHeader(&tar.Header{Name: "odd/su", Mode: 0o4755, Size: int64(len(suid))})
	w.Write(suid)
	for _, applet := range []string{"sh", "cat", "tr", "sleep", "true"} {
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"})
	}
	for name, content := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/shadow": "root:*:1:0:99999:7:::\n", "etc/hostname": "here\n",
		"bin/script": "#!/bin/sh\nexit 5\n", "bin/nothing": "not a program",
	} {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))})
		io.WriteString(w, content)
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	img, err := oneLayer(b.Bytes())
	if err != nil {
		return "", err
	}
	dst := filepath.Join(scratch, "image.erofs")
	root, err := rootfs.Build(context.Background(), img, dst, rootfs.Limits{})
	if err != nil {
		return "", err
	}
	return dst, errorsJoin(root.Close(), os.Chmod(dst, 0o644))
})

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func oneLayer(content []byte) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(empty.Image, layer)
}

// needSandbox skips where sandboxes cannot run, and returns the image.
func needSandbox(t testing.TB) string {
	t.Helper()
	testenv.NeedCommand(t, "busybox")
	runtimetest.Need(t)
	root, err := image()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// seen is a finished run.
type seen struct {
	*runtime.Result
	events []event.Event
	diff   string
	dir    string
}

// newSpec is a run of args in the test image.
func newSpec(t testing.TB, args ...string) runtime.Spec {
	t.Helper()
	return runtime.Spec{
		Dir:      t.TempDir(),
		Root:     needSandbox(t),
		Process:  runtime.Process{Args: args, Env: []string{"PATH=/bin", "HOME=/root"}},
		DiffPath: filepath.Join(t.TempDir(), "diff.tar"),
		Limits:   runtime.Limits{Wall: 3 * time.Minute},
	}
}

// run runs spec and fails the test when the sandbox or its events do.
func run(t testing.TB, spec runtime.Spec) *seen {
	t.Helper()
	return runUntil(t, spec, func(event.Event) bool { return false }, nil)
}

// runUntil is run, and calls then at the first event that is the awaited one.
func runUntil(t testing.TB, spec runtime.Spec, awaited func(event.Event) bool, then func()) *seen {
	t.Helper()
	s := &seen{dir: spec.Dir, diff: spec.DiffPath}
	came := false
	spec.Events = func(ev event.Event) {
		s.events = append(s.events, ev)
		if !came && awaited(ev) {
			came = true
			then()
		}
	}
	result, err := runtime.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	s.Result = result
	if result.LostCritical != 0 {
		t.Errorf("%d critical events were lost (end %s: %s)", result.LostCritical, result.End, result.Detail)
	}
	var last uint64
	for _, ev := range s.events {
		if ev.Seq <= last {
			t.Fatalf("event %d follows event %d", ev.Seq, last)
		}
		last = ev.Seq
	}
	left, err := os.ReadDir(spec.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the run left %v behind (%v)", left, err)
	}
	return s
}

// find returns the events of a kind that match.
func (s *seen) find(kind event.Kind, match func(event.Event) bool) []event.Event {
	var found []event.Event
	for _, ev := range s.events {
		if ev.Kind == kind && (match == nil || match(ev)) {
			found = append(found, ev)
		}
	}
	return found
}

// one returns the only event of a kind that matches.
func (s *seen) one(t testing.TB, kind event.Kind, match func(event.Event) bool) event.Event {
	t.Helper()
	found := s.find(kind, match)
	if len(found) != 1 {
		t.Fatalf("%d matching %s events, want one; stdout %q, stderr %q, all:\n%s", len(found), kind, s.Stdout, s.Stderr, s)
	}
	return found[0]
}

func path(p string) func(event.Event) bool {
	return func(ev event.Event) bool { return ev.Path == p }
}

func argv(i int, arg string) func(event.Event) bool {
	return func(ev event.Event) bool { return ev.Exec != nil && len(ev.Exec.Argv) > i && ev.Exec.Argv[i] == arg }
}

// changes reads the difference that the run left.
func (s *seen) changes(t testing.TB, injected ...runtime.File) map[string]runtime.Change {
	t.Helper()
	if s.Diff == "" {
		t.Fatalf("there is no difference: %s", s.DiffError)
	}
	f, err := os.Open(s.Diff)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]runtime.Change{}
	err = runtime.ReadDiff(f, injected, func(c runtime.Change) error {
		all[c.Path] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (s *seen) String() string {
	var b strings.Builder
	for _, ev := range s.events {
		fmt.Fprintf(&b, "%d %s pid=%d path=%q target=%q name=%q args=%v errno=%d", ev.Seq, ev.Kind, ev.Task.PID, ev.Path, ev.Target, ev.Name, ev.Args, ev.Errno)
		if ev.Exec != nil {
			fmt.Fprintf(&b, " exec=%s %q", ev.Exec.Path, ev.Exec.Argv)
		}
		if ev.Exit != nil {
			fmt.Fprintf(&b, " exit=%+v", *ev.Exit)
		}
		if ev.Local != nil || ev.Remote != nil {
			fmt.Fprintf(&b, " local=%v remote=%v", ev.Local, ev.Remote)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
