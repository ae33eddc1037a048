package rootfs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

func TestLookup(t *testing.T) {
	root, err := build(t, imageOfTars(t, tarOf(t,
		file{name: "usr/bin/dash", content: "#!elf"},
		file{name: "bin", link: "usr/bin"},
		file{name: "usr/bin/sh", link: "dash"},
		file{name: "etc/alternatives/shell", link: "/bin/sh"},
		file{name: "etc/up", link: "../../../../usr"},
		file{name: "loop", link: "loop"},
		file{name: "a", link: "b"}, file{name: "b", link: "a"},
		file{name: "dangling", link: "/nowhere"},
		file{name: "usr/deep", link: "/etc/alternatives"},
	)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/bin/sh":                 "/usr/bin/dash",
		"bin/../bin/./sh":         "/usr/bin/dash",
		"/etc/alternatives/shell": "/usr/bin/dash",
		"/etc/up/bin/dash":        "/usr/bin/dash",
		"/../../bin":              "/usr/bin",
		"/usr/deep/..":            "/etc", // of what the link leads to
		"/":                       "/",
		"":                        "/",
	} {
		if e, err := root.Stat(name); err != nil || e.Path != want {
			t.Errorf("%q is %q, want %q (%v)", name, e.Path, want, err)
		}
	}
	for _, name := range []string{"/loop", "/a", "/dangling", "/missing", "/usr/bin/dash/x", "/loop/x"} {
		if e, err := root.Stat(name); err == nil || root.Exists(name) {
			t.Errorf("%s is %+v", name, e)
		}
	}
	if _, err := root.Stat("/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if e, err := root.Lstat("/bin"); err != nil || e.Mode&fs.ModeSymlink == 0 {
		t.Errorf("lstat of a link: %+v %v", e, err)
	}
}

func TestReading(t *testing.T) {
	content := strings.Repeat("0123456789", 1000)
	root, err := build(t, imageOfTars(t, tarOf(t,
		file{name: "f", content: content}, file{name: "empty"}, file{name: "l", link: "f"}, file{name: "d/z"}, file{name: "d/a"},
	)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := root.ReadFile("/l", 10000); err != nil || string(b) != content {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := root.ReadFile("/l", 9999); err == nil {
		t.Error("a file above the limit was read")
	}
	if b, err := root.ReadFile("/empty", 0); err != nil || len(b) != 0 {
		t.Errorf("%q %v", b, err)
	}
	if _, err := root.ReadFile("/d", 10); err == nil {
		t.Error("a folder was read")
	}
	sum := sha256.Sum256([]byte(content))
	if got, err := root.SHA256("/l"); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("%s %v", got, err)
	}
	if names, err := root.ReadDir("/d"); err != nil || strings.Join(names, " ") != "a z" {
		t.Errorf("%q %v", names, err)
	}
	if _, err := root.ReadDir("/f"); err == nil {
		t.Error("a file was listed")
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := rootfs.Open(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rootfs.Open(other); err == nil || !strings.Contains(err.Error(), other) {
		t.Errorf("a file that is no image: %v", err)
	}
	built, err := build(t, imageOfTars(t, tarOf(t, file{name: "f", content: "x"})), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := rootfs.Open(built.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !again.Exists("/f") || again.Size != built.Size || again.Size == 0 {
		t.Errorf("%+v and %+v", again, built)
	}
}
