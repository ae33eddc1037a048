package programs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// workshop makes layers with Debian's tools. What it made it keeps in the
// user's cache folder, where there is one.
type workshop struct {
	dir     string
	archive string // changes with what Debian's archive holds
	root    string // the unpacked base
	base    *layer
	benches chan struct{} // one for each layer that is being made
}

// newWorkshop continues only on Debian, as root.
func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	testenv.NeedRoot(t)
	for _, name := range []string{"apt-get", "mmdebstrap", "unshare", "chroot"} {
		testenv.NeedCommand(t, name)
	}
	if b, _ := os.ReadFile("/etc/os-release"); !strings.Contains("\n"+string(b), "\nID=debian\n") {
		testenv.Missing(t, "needs Debian: its packages are installed into images")
	}
	w := &workshop{dir: t.TempDir(), benches: make(chan struct{}, runtime.NumCPU())}
	if cache, err := os.UserCacheDir(); err == nil {
		w.dir = filepath.Join(cache, "sallyport-test", "programs")
	}
	if err := os.MkdirAll(w.state(), 0o755); err != nil {
		t.Fatal(err)
	}
	w.lock(t)
	archive, err := w.debian(t.Context(), "index", w.state())
	if err != nil {
		t.Fatal(err)
	}
	w.archive = strings.TrimSpace(archive)
	if err := w.makeBase(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *workshop) state() string { return filepath.Join(w.dir, "state") }

// lock keeps other runs of this test out of the folder until the end of t.
func (w *workshop) lock(t *testing.T) {
	t.Helper()
	f, err := os.Create(filepath.Join(w.dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// debian runs the script of that name, in namespaces that take with them what it leaves.
func (w *workshop) debian(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "./debian"}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		text := said.String()
		return "", fmt.Errorf("debian %s: %w\n%s", strings.Join(args, " "), err, text[max(0, len(text)-8000):])
	}
	return string(out), nil
}

// makeBase makes the layer that all images have, and its unpacked form.
func (w *workshop) makeBase(ctx context.Context) error {
	key, err := w.key("", nil)
	if err != nil {
		return err
	}
	w.root = filepath.Join(w.dir, "base-"+key)
	file := w.root + ".tar"
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) { // which comes last
		if err := w.forget("base"); err != nil {
			return err
		}
		if _, err := w.debian(ctx, "base", w.state(), w.root); err != nil {
			return err
		}
		if err := pack(w.root, file); err != nil {
			return err
		}
	}
	w.base, err = openLayer(file)
	return err
}

// layer makes the layer of a program, unless it is at hand.
func (w *workshop) layer(ctx context.Context, p program) (*layer, error) {
	files := filepath.Join("testdata", p.name)
	key, err := w.key(files, append([]string{p.setup}, p.packages...))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(w.dir, p.name+"-"+key+".tar")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		w.benches <- struct{}{}
		defer func() { <-w.benches }()
		if err := w.forget(p.name); err != nil {
			return nil, err
		}
		upper := strings.TrimSuffix(file, ".tar")
		defer os.RemoveAll(upper)
		if _, err := w.debian(ctx, append([]string{"program", w.state(), w.root, upper, files, p.setup}, p.packages...)...); err != nil {
			return nil, err
		}
		if err := pack(upper, file); err != nil {
			return nil, err
		}
	}
	return openLayer(file)
}

// forget deletes what earlier recipes made.
func (w *workshop) forget(name string) error {
	old, err := filepath.Glob(filepath.Join(w.dir, name+"-"+strings.Repeat("[0-9a-f]", keyLength)+"*"))
	for _, path := range old {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

const keyLength = 16

// key changes with everything that a layer is made of.
func (w *workshop) key(files string, recipe []string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q\n", w.archive, recipe)
	add := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %v %d\n", path, info.Mode(), info.Size())
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, f)
		return err
	}
	err := filepath.WalkDir("debian", add)
	if err == nil && files != "" {
		if err = filepath.WalkDir(files, add); errors.Is(err, fs.ErrNotExist) {
			err = nil // the packages are all that it is
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:keyLength], err
}
