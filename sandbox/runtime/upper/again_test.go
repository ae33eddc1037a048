package upper

import (
	"archive/tar"
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// small is an image with a folder, a file and a link.
func small(t testing.TB) *rootfs.Root {
	t.Helper()
	b := diffTar(t,
		entry{name: "etc/", kind: tar.TypeDir, mode: 0o755},
		entry{name: "etc/file", content: "x", kind: tar.TypeReg, mode: 0o644},
		entry{name: "link", kind: tar.TypeSymlink, link: "etc"},
	)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Build(t.Context(), img, filepath.Join(t.TempDir(), "image.erofs"), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// FuzzWriteAgain: the layer comes out of a sandbox, and what is made of it is
// read by the next Sentry: every entry has its folder in front of it, none comes
// twice, and links lead to what is there.
func FuzzWriteAgain(f *testing.F) {
	f.Add(diffTar(f, entry{name: "./a/", kind: tar.TypeDir, mode: 0o755}, entry{name: "./a/b", content: "x", kind: tar.TypeReg}, entry{name: "./c", kind: tar.TypeLink, link: "./a/b"}))
	f.Add(diffTar(f, entry{name: "./etc", content: "x", kind: tar.TypeReg}, entry{name: "./etc/below", content: "y", kind: tar.TypeReg}))
	f.Add(diffTar(f, entry{name: "./gone", kind: tar.TypeChar}, entry{name: "./also", kind: tar.TypeLink, link: "./gone"}, entry{name: "./x", kind: tar.TypeLink, link: "./nowhere"}))
	f.Add(diffTar(f, entry{name: "./twice", content: "1", kind: tar.TypeReg}, entry{name: "./twice", content: "2", kind: tar.TypeReg}, entry{name: "./twice/", kind: tar.TypeDir}))
	f.Add(diffTar(f, entry{name: "./../../up", kind: tar.TypeSymlink, link: "/y"}))
	f.Add([]byte("no tar"))
	root := small(f)
	ours := []File{{Path: "/etc/ours", Content: []byte("x"), Mode: 0o644}, {Path: "/gone", Content: []byte("x"), Mode: 0o644}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		if err := WriteAgain(&out, root, ours, Layer{Tar: bytes.NewReader(b), Injected: ours}); err != nil {
			return
		}
		seen := map[string]bool{}
		for tr := tar.NewReader(&out); ; {
			hdr, err := tr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(hdr.Name, "/")
			if seen[name] || name != "." && (!strings.HasPrefix(name, "./") || strings.Contains(name, "/../")) {
				t.Errorf("%q comes again or leads out", hdr.Name)
			}
			if dir := name[:max(0, strings.LastIndexByte(name, '/'))]; name != "." && !seen[dir] {
				t.Errorf("%q has no folder", hdr.Name)
			}
			if hdr.Typeflag == tar.TypeLink && !seen[hdr.Linkname] {
				t.Errorf("%q is a link to %q, which is not there", hdr.Name, hdr.Linkname)
			}
			seen[name] = true
		}
	})
}
