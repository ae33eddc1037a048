package rootfs_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	kgzip "github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

func BenchmarkBuild(b *testing.B) {
	var files []file
	block := strings.Repeat("some text that compresses ", 2000)
	for i := range 2000 {
		files = append(files, file{name: "usr/lib/" + octal(i+1), content: block})
	}
	content := tarOf(b, files...)
	img := imageOf(b, newLayer(b, content, gzipped))
	dst := filepath.Join(b.TempDir(), "image.erofs")
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		root, err := rootfs.Build(b.Context(), img, dst, rootfs.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		root.Close()
	}
}

// BenchmarkSystem squashes 396 MB of this machine's own /usr in three layers on
// disk: the size of a Debian image with Python, Perl, git and nginx. It reports
// CPU time and the largest heap, and beside it the CPU time of unpacking the same
// gzip alone, which tells how fast the machine is.
func BenchmarkSystem(b *testing.B) {
	const total = 396 << 20
	dir := b.TempDir()
	var list []v1.Layer
	var blobs []string
	packed := int64(0)
	for i, tree := range []string{"/usr/lib", "/usr/bin", "/usr/share"} {
		l := packFolder(b, tree, total/3, filepath.Join(dir, fmt.Sprint(i)))
		list, blobs = append(list, l), append(blobs, l.path)
		packed += l.size
	}
	img := imageOf(b, list...)
	b.Run("gunzip", func(b *testing.B) {
		b.SetBytes(packed)
		measured(b, func() {
			for _, path := range blobs {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				z, err := kgzip.NewReader(f)
				if err == nil {
					_, err = io.Copy(io.Discard, struct{ io.Reader }{z})
				}
				if err := errors.Join(err, f.Close()); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("squash", func(b *testing.B) {
		b.SetBytes(packed)
		dst := filepath.Join(dir, "image.erofs")
		measured(b, func() {
			root, err := rootfs.Build(b.Context(), img, dst, rootfs.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			root.Close()
		})
	})
}

// stored is a layer on disk.
type stored struct {
	path         string
	size         int64
	digest, diff v1.Hash
}

func (l *stored) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l *stored) DiffID() (v1.Hash, error)             { return l.diff, nil }
func (l *stored) Size() (int64, error)                 { return l.size, nil }
func (l *stored) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (l *stored) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *stored) Uncompressed() (io.ReadCloser, error) { panic("not to be used: it is not verified") }

// packFolder makes a layer of the files below tree, of most bytes in its tar.
func packFolder(b *testing.B, tree string, most int64, path string) *stored {
	b.Helper()
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	blob, plain := sha256.New(), sha256.New()
	z := gzip.NewWriter(io.MultiWriter(out, blob))
	w := tar.NewWriter(io.MultiWriter(z, plain))
	err = filepath.WalkDir(tree, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || most <= 0 {
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > most {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		most -= int64(len(content)) + 1024
		hdr := &tar.Header{Typeflag: tar.TypeReg, Name: name[1:], Size: int64(len(content)), Mode: int64(info.Mode().Perm())}
		if err := w.WriteHeader(hdr); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		b.Fatal(err)
	}
	info, err := out.Stat()
	if err != nil {
		b.Fatal(err)
	}
	hash := func(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sum)} }
	return &stored{path: path, size: info.Size(), digest: hash(blob.Sum(nil)), diff: hash(plain.Sum(nil))}
}

// measured repeats work and reports its CPU time and the largest heap.
func measured(b *testing.B, work func()) {
	goruntime.GC()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		largest := uint64(0)
		for {
			select {
			case <-stop:
				peak <- largest
				return
			case <-time.After(5 * time.Millisecond):
				var m goruntime.MemStats
				goruntime.ReadMemStats(&m)
				largest = max(largest, m.HeapAlloc)
			}
		}
	}()
	var before, after unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &before)
	for b.Loop() {
		work()
	}
	_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
	close(stop)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/1e9/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(<-peak)/(1<<20), "peak-heap-MB")
}
