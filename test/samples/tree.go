package samples

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// tree is the content of a layer, by absolute path.
type tree map[string]node

type node struct {
	mode    int64
	dir     bool
	target  string // of a symbolic link
	content []byte
}

func (t tree) dir(name string, mode int64) { t[name] = node{mode: mode, dir: true} }

func (t tree) link(name, target string) { t[name] = node{mode: 0o777, target: target} }

// file adds a file that is executable when it is a script or an ELF program.
func (t tree) file(name, content string) {
	mode := int64(0o644)
	if strings.HasPrefix(content, "#!") || strings.HasPrefix(content, "\x7fELF") {
		mode = 0o755
	}
	t[name] = node{mode: mode, content: []byte(content)}
}

// layer writes the tree, with the parents that it lacks. The same tree always
// gives the same bytes.
func (t tree) layer() (v1.Layer, error) {
	for _, name := range t.names() {
		for d := path.Dir(name); d != "/"; d = path.Dir(d) {
			if _, ok := t[d]; !ok {
				t.dir(d, 0o755)
			}
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range t.names() {
		n := t[name]
		h := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: n.mode, Typeflag: tar.TypeReg, Size: int64(len(n.content))}
		switch {
		case n.dir:
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		case n.target != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.target
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(n.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	content := b.Bytes()
	// Hundreds of runs unpack it, none sends it anywhere.
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithCompressionLevel(gzip.NoCompression), tarball.WithCompressedCaching)
}
