package rootfs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"

	"github.com/erofs/go-erofs"
)

func TestLayersBecomeOneFileSystem(t *testing.T) {
	type layers = [][]file
	tests := []struct {
		name   string
		layers layers
		want   map[string]string
	}{
		{"image without layers", nil, map[string]string{}},
		{"parents that no entry names", layers{{{name: "a/b/c", content: "x"}}},
			map[string]string{"/a": "dir", "/a/b": "dir", "/a/b/c": "x"}},
		{"upper layer replaces", layers{{{name: "f", content: "old"}}, {{name: "f", content: "new"}}},
			map[string]string{"/f": "new"}},
		{"file becomes folder", layers{{{name: "f", content: "old"}}, {{name: "f/"}, {name: "f/g", content: "x"}}},
			map[string]string{"/f": "dir", "/f/g": "x"}},
		{"folder becomes file", layers{{{name: "d/e", content: "x"}}, {{name: "d", content: "y"}}},
			map[string]string{"/d": "y"}},
		{"folder named again keeps its files", layers{{{name: "d/e", content: "x"}}, {{name: "d/", mode: 0o700}}},
			map[string]string{"/d": "dir", "/d/e": "x"}},
		{"whiteout of a file", layers{{{name: "a", content: "1"}, {name: "b", content: "2"}}, {{name: ".wh.a"}}},
			map[string]string{"/b": "2"}},
		{"whiteout of a folder", layers{{{name: "d/e/f", content: "1"}}, {{name: "d/.wh.e"}}},
			map[string]string{"/d": "dir"}},
		{"whiteout of nothing", layers{{{name: "a", content: "1"}}, {{name: ".wh.b"}, {name: "x/.wh.y"}}},
			map[string]string{"/a": "1", "/x": "dir"}},
		{"whiteout does not reach its own layer", layers{{{name: "a", content: "1"}}, {{name: "a", content: "2"}, {name: ".wh.a"}}},
			map[string]string{"/a": "2"}},
		{"whiteout of a folder that its layer fills", layers{{{name: "d/old", content: "1"}}, {{name: "d/new", content: "2"}, {name: ".wh.d"}}},
			map[string]string{"/d": "dir", "/d/new": "2"}},
		{"opaque folder", layers{{{name: "d/old", content: "1"}, {name: "d/e/old", content: "2"}}, {{name: "d/.wh..wh..opq"}, {name: "d/new", content: "3"}}},
			map[string]string{"/d": "dir", "/d/new": "3"}},
		{"opaque marker after its layer's files", layers{{{name: "d/e/old", content: "2"}}, {{name: "d/e/new", content: "3"}, {name: "d/.wh..wh..opq"}}},
			map[string]string{"/d": "dir", "/d/e": "dir", "/d/e/new": "3"}},
		{"opaque root", layers{{{name: "old", content: "1"}}, {{name: ".wh..wh..opq"}, {name: "new", content: "2"}}},
			map[string]string{"/new": "2"}},
		{"two markers on one folder", layers{{{name: "d/old", content: "1"}}, {{name: ".wh.d"}, {name: "d/new", content: "2"}, {name: "d/.wh..wh..opq"}}},
			map[string]string{"/d": "dir", "/d/new": "2"}},
		{"AUFS metadata", layers{{{name: ".wh..wh.plnk/x", content: "1"}, {name: ".wh..wh.aufs"}}},
			map[string]string{"/.wh..wh.plnk": "dir", "/.wh..wh.plnk/x": "1"}},
		{"hard link", layers{{{name: "a", content: "1"}, {name: "b", hard: "a"}}},
			map[string]string{"/a": "1", "/b": "1"}},
		{"hard link to a lower layer's file", layers{{{name: "a", content: "1"}}, {{name: "b", hard: "/a"}}},
			map[string]string{"/a": "1", "/b": "1"}},
		{"hard link outlives its target", layers{{{name: "a", content: "1"}, {name: "b", hard: "./a"}}, {{name: ".wh.a"}}},
			map[string]string{"/b": "1"}},
		{"parent is a relative link", layers{{{name: "run/"}, {name: "var/run", link: "../run"}}, {{name: "var/run/pid", content: "7"}}},
			map[string]string{"/run": "dir", "/run/pid": "7", "/var": "dir", "/var/run": "link"}},
		{"parent is an absolute link", layers{{{name: "run/"}, {name: "var/run", link: "/run"}, {name: "var/run/x/pid", content: "7"}}},
			map[string]string{"/run": "dir", "/run/x": "dir", "/run/x/pid": "7", "/var": "dir", "/var/run": "link"}},
		{"parent is a link to nowhere yet", layers{{{name: "lib", link: "usr/lib"}, {name: "lib/so", content: "1"}}},
			map[string]string{"/lib": "link", "/usr": "dir", "/usr/lib": "dir", "/usr/lib/so": "1"}},
		{"whiteout through a link", layers{{{name: "run/pid", content: "1"}, {name: "var/run", link: "/run"}}, {{name: "var/run/.wh.pid"}}},
			map[string]string{"/run": "dir", "/var": "dir", "/var/run": "link"}},
		{"folder replaces a link", layers{{{name: "run/"}, {name: "d", link: "run"}}, {{name: "d/"}, {name: "d/x", content: "1"}}},
			map[string]string{"/run": "dir", "/d": "dir", "/d/x": "1"}},
		{"paths that climb", layers{{{name: "../../etc/passwd", content: "1"}, {name: "/abs", content: "2"}, {name: "a/../b", content: "3"}}},
			map[string]string{"/etc": "dir", "/etc/passwd": "1", "/abs": "2", "/b": "3"}},
		{"link that climbs", layers{{{name: "up", link: "../../../.."}, {name: "up/x", content: "1"}}},
			map[string]string{"/up": "link", "/x": "1"}},
		{"devices and pipes", layers{{{name: "c", kind: tar.TypeChar}, {name: "b", kind: tar.TypeBlock}, {name: "p", kind: tar.TypeFifo}}},
			map[string]string{"/c": (fs.ModeDevice | fs.ModeCharDevice).String(), "/b": fs.ModeDevice.String(), "/p": fs.ModeNamedPipe.String()}},
		{"global header", layers{{{name: "g", kind: tar.TypeXGlobalHeader}, {name: "a", content: "1"}}},
			map[string]string{"/a": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tars [][]byte
			for _, l := range tt.layers {
				tars = append(tars, tarOf(t, l...))
			}
			root, err := build(t, imageOfTars(t, tars...), rootfs.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(t, root); !maps.Equal(got, tt.want) {
				t.Errorf("image has %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	root, err := build(t, imageOfTars(t, tarOf(t,
		file{name: "./", mode: 0o711},
		file{name: "su", content: "x", mode: 0o4755, uid: 0, gid: 12},
		file{name: "tmp/", mode: 0o1777},
		file{name: "home/u", content: "y", mode: 0o600, uid: 100000, gid: 2000000000},
		file{name: "ping", content: "z", mode: 0o755, xattrs: map[string]string{"security.capability": "\x01\x00\x00\x02", "user.x": "y", "trusted.overlay.opaque": "y"}},
	)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]rootfs.Entry{
		"/":       {Path: "/", Mode: fs.ModeDir | 0o711},
		"/su":     {Path: "/su", Mode: fs.ModeSetuid | 0o755, Size: 1, GID: 12},
		"/tmp":    {Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		"/home/u": {Path: "/home/u", Mode: 0o600, Size: 1, UID: 100000, GID: 2000000000},
		"/ping":   {Path: "/ping", Mode: 0o755, Size: 1},
	} {
		got, err := root.Stat(name)
		if got.Mode.IsDir() {
			got.Size = 0
		}
		if err != nil || got != want {
			t.Errorf("%s is %+v, want %+v (%v)", name, got, want, err)
		}
	}
}

func TestCompressions(t *testing.T) {
	content := tarOf(t, file{name: "f", content: strings.Repeat("content ", 1000)})
	for name, pack := range map[string]func([]byte) []byte{
		"none": plain, "gzip": gzipped, "zstd": zstded,
		"gzip in two members":        func(b []byte) []byte { return append(gzipped(b[:700]), gzipped(b[700:])...) },
		"padding behind the archive": gzipped,
	} {
		t.Run(name, func(t *testing.T) {
			b := content
			if name == "padding behind the archive" {
				b = append(bytes.Clone(content), make([]byte, 10240)...)
			}
			root, err := build(t, imageOf(t, newLayer(t, b, pack)), rootfs.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(t, root)["/f"]; len(got) != 8000 {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

func TestLayersThatAreNotWhatTheySay(t *testing.T) {
	good := func() *layer { return newLayer(t, tarOf(t, file{name: "f", content: "x"}), gzipped) }
	other := newLayer(t, tarOf(t, file{name: "g", content: "y"}), gzipped)
	tests := map[string]func(*layer){
		"other content":      func(l *layer) { l.blob = other.blob },
		"other diff ID":      func(l *layer) { l.diff = other.diff },
		"cut short":          func(l *layer) { l.blob = l.blob[:len(l.blob)-20] },
		"bytes appended":     func(l *layer) { l.blob = append(bytes.Clone(l.blob), 0) },
		"not a tar":          func(l *layer) { *l = *newLayer(t, bytes.Repeat([]byte("no tar"), 1000), gzipped) },
		"not gzip after all": func(l *layer) { *l = *newLayer(t, []byte{0x1f, 0x8b, 8, 0, 1, 2, 3}, plain) },
		"empty":              func(l *layer) { l.blob = nil },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			l := good()
			spoil(l)
			dst := filepath.Join(t.TempDir(), "image.erofs")
			_, err := rootfs.Build(t.Context(), imageOf(t, good(), l), dst, rootfs.Limits{})
			var layerErr *rootfs.LayerError
			if !errors.As(err, &layerErr) {
				t.Fatalf("error %v, want a LayerError", err)
			}
			if layerErr.Layer != l.digest.String() || !strings.Contains(err.Error(), l.digest.String()) {
				t.Errorf("error %q does not name the layer %s", err, l.digest)
			}
			mustBeEmpty(t, filepath.Dir(dst))
		})
	}
}

func TestBadEntries(t *testing.T) {
	tests := map[string][]file{
		"parent is a file":       {{name: "f", content: "x"}, {name: "f/g", content: "y"}},
		"hard link to nothing":   {{name: "a", hard: "b"}},
		"hard link to a folder":  {{name: "d/"}, {name: "a", hard: "d"}},
		"links in a circle":      {{name: "a", link: "b"}, {name: "b", link: "a"}, {name: "a/x", content: "y"}},
		"link to nothing at all": {{name: "a", kind: tar.TypeSymlink}},
		"a name too long":        {{name: strings.Repeat("n", 256), content: "x"}},
		"a folder's name too":    {{name: strings.Repeat("n", 256) + "/x", content: "x"}},
		"unknown type":           {{name: "a", kind: 'Z'}},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := build(t, imageOfTars(t, tarOf(t, files...)), rootfs.Limits{})
			var layerErr *rootfs.LayerError
			if !errors.As(err, &layerErr) {
				t.Errorf("error %v, want a LayerError", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	zeros := strings.Repeat("\x00", 100<<20)
	var many []file
	for i := range 200 {
		many = append(many, file{name: "d/" + strings.Repeat("x", i+1), content: "1"})
	}
	tests := []struct {
		name   string
		limits rootfs.Limits
		files  []file
		what   string
	}{
		{"bytes of one layer", rootfs.Limits{LayerBytes: 1 << 20}, []file{{name: "f", content: zeros[:2<<20]}}, "unpacked bytes in one layer"},
		{"bytes of all layers", rootfs.Limits{TotalBytes: 1 << 20}, []file{{name: "f", content: zeros[:2<<20]}}, "unpacked bytes in the image"},
		{"compressed bomb", rootfs.Limits{Ratio: 10}, []file{{name: "f", content: zeros}}, "unpacked bytes per compressed byte"},
		{"entries", rootfs.Limits{Entries: 100}, many, "entries"},
		{"path", rootfs.Limits{PathBytes: 100}, many, "bytes in a path"},
		{"link's target", rootfs.Limits{PathBytes: 100}, []file{{name: "l", link: strings.Repeat("t", 101)}}, "bytes in a path"},
		{"attributes", rootfs.Limits{XattrBytes: 100}, []file{{name: "f", xattrs: map[string]string{"user.a": strings.Repeat("x", 100)}}}, "bytes of extended attributes on one file"},
		{"PAX records", rootfs.Limits{PAXBytes: 100}, []file{{name: "f", xattrs: map[string]string{"a": strings.Repeat("x", 200)}}}, "bytes of PAX records in one entry"},
		{"folders that no entry names", rootfs.Limits{Entries: 100}, []file{{name: strings.Repeat("d/", 100)}, {name: "f"}}, "entries"},
		{"small files, each in a block", rootfs.Limits{TotalBytes: 256 << 10}, many[:100], "unpacked bytes in the image"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "image.erofs")
			_, err := rootfs.Build(t.Context(), imageOfTars(t, tarOf(t, tt.files...)), dst, tt.limits)
			var limit *rootfs.LimitError
			if !errors.As(err, &limit) || limit.What != tt.what {
				t.Fatalf("error %v, want a LimitError for %q", err, tt.what)
			}
			mustBeEmpty(t, filepath.Dir(dst))
		})
	}
}

// TestHardLinksShareTheirBytes: however many names a file has, it takes its
// place once.
func TestHardLinksShareTheirBytes(t *testing.T) {
	files := []file{{name: "f", content: strings.Repeat("x", 1<<20)}}
	want := map[string]string{"/f": files[0].content}
	for i := range 8 {
		name := octal(i + 1)
		files, want["/"+name] = append(files, file{name: name, hard: "f"}), files[0].content
	}
	root, err := build(t, imageOfTars(t, tarOf(t, files...)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, root); !maps.Equal(got, want) || root.Size > 3<<19 {
		t.Errorf("%d files in %d bytes, want %d in little more than one takes", len(got), root.Size, len(want))
	}
}

// TestPrograms: what begins as a program does is known, where it is in the end.
func TestPrograms(t *testing.T) {
	root, err := build(t, imageOfTars(t, tarOf(t,
		file{name: "bin/tool", content: "\x7fELF and more"}, file{name: "bin/again", hard: "bin/tool"}, file{name: "bin/gone", content: "#!/bin/sh"},
		file{name: "bin/replaced", content: "#!/bin/sh"}, file{name: "short", content: "#"}, file{name: "empty"}, file{name: "link", link: "bin/tool"},
	), tarOf(t,
		file{name: "bin/.wh.gone"}, file{name: "bin/replaced", content: "text"}, file{name: "var/www/a.php", content: "<?php 1;"}, file{name: "entrypoint.sh", content: "#!/bin/sh\n"},
	)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	list, more := root.Programs()
	got := map[string]string{}
	for _, p := range list {
		b, err := io.ReadAll(root.OpenProgram(p))
		if err != nil || int64(len(b)) != p.Size {
			t.Errorf("%s: %d of %d bytes, %v", p.Path, len(b), p.Size, err)
		}
		got[p.Path] = string(b)
	}
	want := map[string]string{"/bin/again": "\x7fELF and more", "/var/www/a.php": "<?php 1;", "/entrypoint.sh": "#!/bin/sh\n"}
	if !maps.Equal(got, want) || more != 0 {
		t.Errorf("programs %v and %d more, want %v", got, more, want)
	}
}

// TestSizes: folders whose entries fill no block, one, or many, and links up to
// the longest.
func TestSizes(t *testing.T) {
	var files []file
	want := map[string]string{}
	for _, n := range []int{0, 1, 50, 150, 5000} {
		dir := fmt.Sprintf("d%d", n)
		files, want["/"+dir] = append(files, file{name: dir + "/"}), "dir"
		for i := range n {
			name := fmt.Sprintf("%s/%s%d", dir, []string{"!", "a", "Ω"}[i%3], i)
			files, want["/"+name] = append(files, file{name: name, content: name}), name
		}
	}
	for _, n := range []int{1, 4031, 4032, 4033, 4095} {
		name := fmt.Sprintf("l%d", n)
		files, want["/"+name] = append(files, file{name: name, link: strings.Repeat("t", n)}), "link"
	}
	root, err := build(t, imageOfTars(t, tarOf(t, files...)), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, root); !maps.Equal(got, want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	for name, kind := range want {
		if kind == "link" {
			if target := root.Links(name); len(target) != 1 || fmt.Sprint("/l", len(target[0])) != name {
				t.Errorf("%s leads to %.60q", name, target)
			}
		}
	}
}

// TestSparse: a sparse file counts at its full size.
func TestSparse(t *testing.T) {
	// GNU's old format: one data block of 512 bytes at the end of 4 MiB.
	hdr := make([]byte, 512)
	copy(hdr, "sparse")
	copy(hdr[100:], "0000644\x00")
	copy(hdr[108:], "0000000\x000000000\x0000000001000\x0000000000000\x00")
	hdr[156] = tar.TypeGNUSparse
	copy(hdr[257:], "ustar  \x00")
	copy(hdr[386:], "00017777000\x0000000001000\x00")
	copy(hdr[483:], "00020000000\x00")
	copy(hdr[148:], "        ")
	sum := 0
	for _, b := range hdr {
		sum += int(b)
	}
	copy(hdr[148:], strings.ReplaceAll(strings.TrimSpace(octal(sum)), " ", "")+"\x00 ")
	content := append(hdr, bytes.Repeat([]byte("x"), 512)...)
	content = append(content, make([]byte, 1024)...)
	root, err := build(t, imageOfTars(t, content), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := root.Stat("/sparse"); err != nil || e.Size != 4<<20 {
		t.Errorf("sparse file has %d bytes (%v)", e.Size, err)
	}
	var limit *rootfs.LimitError
	if _, err := build(t, imageOfTars(t, content), rootfs.Limits{TotalBytes: 1 << 20}); !errors.As(err, &limit) {
		t.Errorf("a sparse file of 4 MiB passed a limit of 1 MiB: %v", err)
	}
}

func octal(n int) string {
	s := ""
	for ; n > 0; n /= 8 {
		s = string(rune('0'+n%8)) + s
	}
	return strings.Repeat("0", 6-len(s)) + s
}

func TestConfigurationAndManifestDisagree(t *testing.T) {
	img := imageOf(t, newLayer(t, tarOf(t), gzipped))
	_, err := build(t, &mislisted{img}, rootfs.Limits{})
	if err == nil || !strings.Contains(err.Error(), "1 layers") {
		t.Errorf("error %v", err)
	}
}

type mislisted struct{ v1.Image }

func (m *mislisted) ConfigFile() (*v1.ConfigFile, error) { return empty.Image.ConfigFile() }

func TestCancelledBuild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	_, err := rootfs.Build(ctx, imageOfTars(t, tarOf(t, file{name: "f"})), filepath.Join(dir, "image.erofs"), rootfs.Limits{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	mustBeEmpty(t, dir)
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "image.erofs")
	if err := os.WriteFile(dst, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rootfs.Build(t.Context(), imageOfTars(t, []byte("no tar")), dst, rootfs.Limits{}); err == nil {
		t.Fatal("no error")
	}
	if b, err := os.ReadFile(dst); err != nil || string(b) != "old" {
		t.Errorf("%q %v", b, err)
	}
}

func TestEqualImagesAreEqualFiles(t *testing.T) {
	img := imageOfTars(t, tarOf(t, file{name: "b/c", content: "x"}, file{name: "a", content: "y"}))
	var sums []string
	for range 2 {
		root, err := build(t, img, rootfs.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(root.Path)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		io.Copy(h, f)
		f.Close()
		sums = append(sums, hex.EncodeToString(h.Sum(nil)))
	}
	if sums[0] != sums[1] {
		t.Errorf("%s and %s", sums[0], sums[1])
	}
}

// TestHidingIsLinear: many markers on one large folder must not cost their product.
func TestHidingIsLinear(t *testing.T) {
	var files []file
	for i := range 20000 {
		files = append(files, file{name: "d/" + octal(i+1)})
	}
	for range 20000 {
		files = append(files, file{name: ".wh.d"})
	}
	if _, err := build(t, imageOfTars(t, tarOf(t, file{name: "d/lower"}), tarOf(t, files...)), rootfs.Limits{}); err != nil {
		t.Fatal(err)
	}
}

func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// FuzzBuild feeds arbitrary layers: whatever comes, it ends with an image or
// an error, and leaves nothing but the image.
func FuzzBuild(f *testing.F) {
	f.Add(tarOf(f, file{name: "a/b", content: "x"}, file{name: "a/.wh.b"}, file{name: ".wh..wh..opq"}), []byte{})
	f.Add(tarOf(f, file{name: "l", link: "/x/../l"}, file{name: "l/y", content: "z"}), gzipped([]byte("x")))
	f.Add(tarOf(f, file{name: "h", hard: "h"}, file{name: "../..", kind: tar.TypeDir}), zstded([]byte("x")))
	f.Add(tarOf(f, file{name: "p", xattrs: map[string]string{"user.x": "y"}}, file{name: "c", kind: tar.TypeChar}), []byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Add([]byte(strings.Repeat("\x00", 1024)), []byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := t.TempDir()
		dst := filepath.Join(dir, "image.erofs")
		limits := rootfs.Limits{TotalBytes: 8 << 20, Entries: 1000}
		root, err := rootfs.Build(t.Context(), imageOf(t, newLayer(t, first, plain), newLayer(t, second, plain)), dst, limits)
		if err != nil {
			mustBeEmpty(t, dir)
			return
		}
		defer root.Close()
		listing(t, root)
	})
}

// TestSmallFilesCanBeMapped holds the image to what gVisor can map into a
// guest: a program of a few hundred bytes has a block of its own.
func TestSmallFilesCanBeMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image.erofs")
	files := []file{{name: "bin/"}, {name: "empty"}}
	for _, size := range []int{1, 300, 3000, 4095, 4096, 4097, 8191} {
		files = append(files, file{name: fmt.Sprintf("bin/%d", size), content: strings.Repeat("p", size), mode: 0o755})
	}
	root, err := rootfs.Build(t.Context(), imageOfTars(t, tarOf(t, files...)), path, rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw)%4096 != 0 {
		t.Errorf("the image ends within a block, at %d", len(raw))
	}
	image, err := erofs.Open(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files[2:] {
		got, err := fs.ReadFile(image, f.name)
		if err != nil || string(got) != f.content {
			t.Errorf("%s has %d bytes, %v", f.name, len(got), err)
		}
		info, err := fs.Stat(image, f.name)
		if err != nil {
			t.Fatal(err)
		}
		if layout := info.Sys().(*erofs.Stat).InodeLayout; layout != 0 {
			t.Errorf("%s has layout %d: its data is not in blocks of its own", f.name, layout)
		}
	}
}
