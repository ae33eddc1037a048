package rootfs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ratioFree is how much a layer may unpack to whatever its compressed size.
const ratioFree = 64 << 20

// layerStream reads one layer: its compressed bytes are hashed, unpacked,
// counted and hashed again.
type layerStream struct {
	blob   io.ReadCloser
	packed *hashReader
	plain  *hashReader
	unpack io.Closer // of the decompressor; may be nil
}

// openLayer begins to read layer. total counts the unpacked bytes of all
// layers so far and is kept up to date.
func openLayer(ctx context.Context, u *unpacker, layer v1.Layer, total *int64) (*layerStream, error) {
	blob, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	s := &layerStream{blob: blob, packed: newHashReader(&ctxReader{ctx, blob})}
	head := bufio.NewReaderSize(s.packed, 256<<10)
	magic, err := head.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		blob.Close()
		return nil, err
	}
	var plain io.Reader = head
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(head)
		if err != nil {
			blob.Close()
			return nil, err
		}
		plain, s.unpack = z, z
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			blob.Close()
			return nil, err
		}
		c := z.IOReadCloser()
		plain, s.unpack = c, c
	}
	s.plain = newHashReader(&meter{r: plain, u: u, total: total, packed: s.packed})
	return s, nil
}

// Read reads the layer's tar.
func (s *layerStream) Read(p []byte) (int, error) { return s.plain.Read(p) }

// verify reads what follows the tar's end and compares both digests.
func (s *layerStream) verify(digest, diffID v1.Hash) error {
	if _, err := io.Copy(io.Discard, s.plain); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, s.packed); err != nil {
		return err
	}
	if got := s.packed.sum(); got != digest {
		return fmt.Errorf("its content has the digest %s", got)
	}
	if got := s.plain.sum(); got != diffID {
		return fmt.Errorf("unpacked it has the digest %s, but the image's configuration says %s", got, diffID)
	}
	return nil
}

func (s *layerStream) close() {
	if s.unpack != nil {
		s.unpack.Close()
	}
	s.blob.Close()
}

type hashReader struct {
	r io.Reader
	h hash.Hash
	n int64
}

func newHashReader(r io.Reader) *hashReader { return &hashReader{r: r, h: sha256.New()} }

func (r *hashReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.h.Write(p[:n])
	r.n += int64(n)
	return n, err
}

func (r *hashReader) sum() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(r.h.Sum(nil))}
}

// meter stops a layer that unpacks to more than it may.
type meter struct {
	r      io.Reader
	u      *unpacker
	n      int64
	total  *int64
	packed *hashReader
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	*m.total += int64(n)
	limits := m.u.limits
	switch {
	case m.n > limits.LayerBytes:
		return n, m.u.tooMuch("unpacked bytes in one layer", limits.LayerBytes)
	case *m.total > limits.TotalBytes:
		return n, m.u.tooMuch("unpacked bytes in the image", limits.TotalBytes)
	case m.n > ratioFree && m.n/limits.Ratio > m.packed.n:
		return n, m.u.tooMuch("unpacked bytes per compressed byte", limits.Ratio)
	}
	return n, err
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
