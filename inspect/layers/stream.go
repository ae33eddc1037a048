package layers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

// ratioFree is how much a layer may unpack to whatever its compressed size.
const ratioFree = 64 << 20

// stream reads one layer: its bytes are unpacked, counted and hashed.
type stream struct {
	blob   io.ReadCloser
	packed counter
	plain  io.Reader
	unpack io.Closer // of the decompressor; may be nil
	hash   hash.Hash // of what is unpacked
	n      int64     // unpacked bytes
	r      *reader
}

// open returns a stream also with an error, when there is a blob to close.
func (r *reader) open(ctx context.Context, l Layer) (*stream, error) {
	if err := l.DiffID.Validate(); err != nil {
		return nil, fmt.Errorf("%w: diff id %q: %v", ErrArchive, l.DiffID, err)
	}
	blob, err := l.Open(ctx)
	if err != nil {
		return nil, err
	}
	s := &stream{blob: blob, packed: counter{ctx: ctx, r: blob}, hash: l.DiffID.Algorithm().Hash(), r: r}
	head := bufio.NewReaderSize(&s.packed, 256<<10)
	magic, err := head.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return s, err
	}
	s.plain = head
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(head)
		if err != nil {
			return s, err
		}
		s.plain, s.unpack = z, z
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return s, err
		}
		c := z.IOReadCloser()
		s.plain, s.unpack = c, c
	}
	return s, nil
}

// Read reads the layer's tar.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.plain.Read(p)
	s.hash.Write(p[:n])
	s.n += int64(n)
	s.r.total += int64(n)
	limits := s.r.limits
	switch {
	case s.n > limits.LayerBytes:
		return n, s.r.tooMuch("unpacked bytes in one layer", limits.LayerBytes)
	case s.r.total > limits.TotalBytes:
		return n, s.r.tooMuch("unpacked bytes in the image", limits.TotalBytes)
	case s.n > ratioFree && s.n/limits.Ratio > s.packed.n:
		return n, s.r.tooMuch("unpacked bytes per compressed byte", limits.Ratio)
	}
	return n, err
}

// verify reads what follows the tar's end, and compares the digest: what the
// engine would refuse to unpack says nothing about the image.
func (s *stream) verify(diffID digest.Digest) error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if got := digest.NewDigest(diffID.Algorithm(), s.hash); got != diffID {
		return fmt.Errorf("%w: unpacked it has the digest %s, but the image's configuration says %s", ErrArchive, got, diffID)
	}
	return nil
}

func (s *stream) close() {
	if s.unpack != nil {
		s.unpack.Close()
	}
	s.blob.Close()
}

// counter counts what is read, and ends with its context.
type counter struct {
	ctx context.Context
	r   io.Reader
	n   int64
	err error // of the blob itself, not of what is in it
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
