package rootfs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// file is one tar entry. Its kind follows from the name and the fields: a
// slash at the end makes a folder, "link" a symbolic link, "hard" a hard link.
type file struct {
	name, content, link, hard string
	mode                      int64
	uid, gid                  int
	kind                      byte
	xattrs                    map[string]string
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		hdr := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.gid, Size: int64(len(f.content)), Format: tar.FormatPAX}
		switch {
		case f.kind != 0:
			hdr.Typeflag = f.kind
		case f.link != "":
			hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, f.link
		case f.hard != "":
			hdr.Typeflag, hdr.Linkname = tar.TypeLink, f.hard
		case strings.HasSuffix(f.name, "/"):
			hdr.Typeflag = tar.TypeDir
		}
		if hdr.Mode == 0 {
			hdr.Mode = 0o644
			if hdr.Typeflag == tar.TypeDir {
				hdr.Mode = 0o755
			}
		}
		if hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock {
			hdr.Devmajor, hdr.Devminor = 8, 1
		}
		for k, v := range f.xattrs {
			if hdr.PAXRecords == nil {
				hdr.PAXRecords = map[string]string{}
			}
			hdr.PAXRecords["SCHILY.xattr."+k] = v
		}
		if f.kind == tar.TypeXGlobalHeader {
			hdr = &tar.Header{Typeflag: f.kind, PAXRecords: map[string]string{"comment": "x"}}
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// layer is a layer of an image that is not checked by anybody else.
type layer struct {
	blob         []byte
	digest, diff v1.Hash
	media        types.MediaType
}

func newLayer(t testing.TB, plain []byte, pack func([]byte) []byte) *layer {
	t.Helper()
	blob := pack(plain)
	l := &layer{blob: blob, media: types.OCILayer}
	var err error
	if l.digest, _, err = v1.SHA256(bytes.NewReader(blob)); err != nil {
		t.Fatal(err)
	}
	if l.diff, _, err = v1.SHA256(bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *layer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.diff, nil }
func (l *layer) Size() (int64, error)                { return int64(len(l.blob)), nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.media, nil }
func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.blob)), nil
}
func (l *layer) Uncompressed() (io.ReadCloser, error) { panic("not to be used: it is not verified") }

func plain(b []byte) []byte { return b }

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func imageOf(t testing.TB, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// imageOfTars is an ordinary image of these tars.
func imageOfTars(t testing.TB, tars ...[]byte) v1.Image {
	t.Helper()
	var layers []v1.Layer
	for _, b := range tars {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	return imageOf(t, layers...)
}

func build(t testing.TB, img v1.Image, limits rootfs.Limits) (*rootfs.Root, error) {
	t.Helper()
	root, err := rootfs.Build(t.Context(), img, filepath.Join(t.TempDir(), "image.erofs"), limits)
	if err == nil {
		t.Cleanup(func() { root.Close() })
	}
	return root, err
}

// listing is every path of root with what it is.
func listing(t testing.TB, root *rootfs.Root) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := root.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			p := strings.TrimSuffix(dir, "/") + "/" + name
			e, err := root.Lstat(p)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case e.Mode.IsDir():
				all[p] = "dir"
				walk(p)
			case e.Mode.IsRegular():
				b, err := root.ReadFile(p, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				all[p] = string(b)
			case e.Mode&fs.ModeSymlink != 0:
				all[p] = "link"
			default:
				all[p] = e.Mode.Type().String()
			}
		}
	}
	walk("/")
	return all
}
