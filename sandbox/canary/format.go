package canary

import (
	"bufio"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// format is one way to compress.
type format struct {
	name string
	mark []byte                     // with which it begins
	skip func(b []byte) (int, bool) // where what is compressed begins; false when more of it is needed; nil: at once
	pool *sync.Pool                 // of decompressor
}

// longestMark is the length of the longest one.
const longestMark = 4

// formats are those that begin with a mark. That of the last is the end of an
// HTTP header (RFC 9112 §2.1): what comes after it may be deflate, which has none.
var formats = []*format{
	{name: "gzip", mark: []byte{0x1f, 0x8b, 8}, pool: gzips}, // RFC 1952 §2.3
	{name: "zlib", mark: []byte{0x78, 0x01}, pool: zlibs},    // RFC 1950 §2.2, by level
	{name: "zlib", mark: []byte{0x78, 0x5e}, pool: zlibs},
	{name: "zlib", mark: []byte{0x78, 0x9c}, pool: zlibs},
	{name: "zlib", mark: []byte{0x78, 0xda}, pool: zlibs},
	{name: "zip", mark: []byte("PK\x03\x04"), skip: zipHeader, pool: flates},
	{name: "zstd", mark: []byte{0x28, 0xb5, 0x2f, 0xfd}, pool: zstds}, // RFC 8878 §3.1.1
	{name: "bzip2", mark: []byte("BZh"), pool: bzip2s},
	{name: "deflate", mark: []byte("\r\n\r\n"), skip: func([]byte) (int, bool) { return longestMark, true }, pool: flates},
}

// bare is deflate (RFC 1951) at the beginning of a stream.
var bare = &format{name: "deflate", pool: flates}

// zipHeader is how long the header of a file in an archive is (APPNOTE.TXT §4.3.7).
func zipHeader(b []byte) (int, bool) {
	if len(b) < 30 {
		return 0, false
	}
	n := 30 + int(binary.LittleEndian.Uint16(b[26:])) + int(binary.LittleEndian.Uint16(b[28:]))
	return n, n < len(b)
}

func (m *format) start(b []byte) (int, bool) {
	if m.skip == nil {
		return 0, true
	}
	return m.skip(b)
}

func (m *format) open() decompressor     { return m.pool.Get().(decompressor) }
func (m *format) release(d decompressor) { m.pool.Put(d) }

// decompressor is one that can begin anew: they are large.
type decompressor interface {
	io.Reader
	reset(r io.Reader) error
}

func pool[T decompressor](make func() T) *sync.Pool {
	return &sync.Pool{New: func() any { return make() }}
}

var (
	gzips  = pool(func() *gzipped { return new(gzipped) })
	zlibs  = pool(func() *zlibbed { return new(zlibbed) })
	flates = pool(func() *flated { return &flated{flate.NewReader(nil)} })
	zstds  = pool(func() *zstdded { return new(zstdded) })
	bzip2s = pool(func() *bzipped { return new(bzipped) })
)

type gzipped struct{ gzip.Reader }

func (g *gzipped) reset(r io.Reader) error {
	err := g.Reset(r)
	g.Multistream(false)
	return err
}

type flated struct{ io.ReadCloser }

func (f *flated) reset(r io.Reader) error { return f.ReadCloser.(flate.Resetter).Reset(r, nil) }

type zlibbed struct{ io.ReadCloser }

func (z *zlibbed) reset(r io.Reader) (err error) {
	if z.ReadCloser == nil {
		z.ReadCloser, err = zlib.NewReader(r)
		if err != nil {
			z.ReadCloser = nil
		}
		return err
	}
	return z.ReadCloser.(zlib.Resetter).Reset(r, nil)
}

type zstdded struct{ *zstd.Decoder }

func (z *zstdded) reset(r io.Reader) (err error) {
	if z.Decoder == nil {
		// Without goroutines, and with no larger a window than what is looked through.
		z.Decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(maxUnpacked))
		if err != nil {
			return err
		}
	}
	return z.Reset(r)
}

type bzipped struct{ io.Reader }

func (b *bzipped) reset(r io.Reader) error {
	b.Reader = bzip2.NewReader(bufio.NewReader(r))
	return nil
}
