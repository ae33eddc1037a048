package programs

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// layer is a file with an uncompressed tar: nobody waits for gzip.
type layer struct {
	path string
	sum  v1.Hash
	size int64
}

func openLayer(path string) (*layer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	return &layer{path: path, size: n, sum: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}}, nil
}

func (l *layer) Digest() (v1.Hash, error)             { return l.sum, nil }
func (l *layer) DiffID() (v1.Hash, error)             { return l.sum, nil }
func (l *layer) Size() (int64, error)                 { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }
func (l *layer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *layer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// pack writes dir, which may be the upper folder of an overlay, to file as the
// tar of a layer. It replaces file at once or not at all.
func pack(dir, file string) (err error) {
	out, err := os.CreateTemp(filepath.Dir(file), ".layer-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // gone by then when all went well
	defer out.Close()
	p := packer{dir: dir, tar: tar.NewWriter(out), seen: map[uint64]string{}}
	if err := filepath.WalkDir(dir, p.add); err != nil {
		return err
	}
	if err := errors.Join(p.tar.Close(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), file)
}

type packer struct {
	dir  string
	tar  *tar.Writer
	seen map[uint64]string // names of files with several, by inode
}

func (p *packer) add(path string, _ fs.DirEntry, err error) error {
	if err != nil || path == p.dir {
		return err
	}
	name, err := filepath.Rel(p.dir, path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	if info.Mode()&fs.ModeCharDevice != 0 && stat.Rdev == 0 { // an overlay's word for: removed
		return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: filepath.Join(filepath.Dir(name), ".wh."+filepath.Base(name))})
	}
	if info.Mode()&(fs.ModeSocket) != 0 {
		return nil
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname, h.Format = name, "", "", tar.FormatPAX
	if info.IsDir() {
		h.Name += "/"
	}
	if err := attributes(path, h); err != nil {
		return err
	}
	if info.Mode().IsRegular() && stat.Nlink > 1 {
		if first, ok := p.seen[stat.Ino]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return p.tar.WriteHeader(h)
		}
		p.seen[stat.Ino] = name
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	if info.IsDir() && opaque(path) {
		return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: filepath.Join(name, ".wh..wh..opq")})
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(p.tar, f)
	return err
}

// attributes keeps file capabilities, such as those of ping.
func attributes(path string, h *tar.Header) error {
	value := make([]byte, 256)
	n, err := unix.Lgetxattr(path, "security.capability", value)
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(value[:n])}
	return nil
}

// opaque tells whether an overlay's folder hides the one below it.
func opaque(path string) bool {
	value := make([]byte, 8)
	n, err := unix.Lgetxattr(path, "trusted.overlay.opaque", value)
	return err == nil && strings.HasPrefix(string(value[:n]), "y")
}
