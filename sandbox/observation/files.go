package observation

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Limits on the files of an observation.
const (
	maxFiles    = 10_000   // in each of created, modified and deleted
	maxPaths    = 16 << 20 // bytes of their paths
	maxHead     = 4 << 10  // bytes of a text that are kept
	maxHeads    = 8 << 20  // bytes of all texts that are kept
	maxFileRead = 1 << 30  // bytes of one file that are read
	diffKind    = "diff"   // under which files beyond the limits are counted
	typeSniff   = 16 << 10 // bytes that decide between text and data
)

// Change is one path that differs from the image.
type Change struct {
	Path    string      // absolute
	Deleted bool        // the image's file is gone
	Header  *tar.Header // unless Deleted; a hard link's Linkname is absolute
	Content io.Reader   // of a regular file
	InImage bool        // the image has this path: modified, not created
}

// AddFile reads one changed file. All of c is foreign input. The error is that
// of c.Content, with the path.
func (b *Builder) AddFile(c Change) error {
	name := cleanPath(c.Path, "/")
	files := &b.o.Files
	if b.paths += len(name); b.paths > maxPaths {
		b.o.Run.Counts.Dropped[diffKind]++
		return nil
	}
	if c.Deleted {
		if len(files.Deleted) < maxFiles {
			files.Deleted = append(files.Deleted, name)
		} else {
			b.o.Run.Counts.Dropped[diffKind]++
		}
		return nil
	}
	list := &files.Created
	if c.InImage {
		list = &files.Modified
	}
	if c.Header.Typeflag == tar.TypeDir && c.InImage {
		return nil // it is here only because something in it changed
	}
	if len(*list) >= maxFiles {
		b.o.Run.Counts.Dropped[diffKind]++
		return nil
	}
	f := File{
		Path: name, Mode: uint32(c.Header.Mode) & 0o7777, UID: c.Header.Uid, Size: c.Header.Size, Type: "data",
	}
	switch c.Header.Typeflag {
	case tar.TypeReg:
		if err := b.read(&f, c.Content); err != nil {
			return fmt.Errorf("reading the changed file %q: %w", name, err)
		}
		b.hashed[name] = f
	case tar.TypeLink:
		if to, ok := b.hashed[cleanPath(c.Header.Linkname, "/")]; ok {
			f, f.Path = to, name
		}
	case tar.TypeDir:
		f.Type = "dir"
	case tar.TypeSymlink:
		f.Type, f.Target = "symlink", c.Header.Linkname
		if len(f.Target) > event.MaxPath {
			f.Target = f.Target[:event.MaxPath]
		}
		b.paths += len(f.Target)
	case tar.TypeFifo:
		f.Type = "fifo"
	case tar.TypeChar, tar.TypeBlock:
		f.Type = "device"
	}
	*list = append(*list, f)
	return nil
}

// read takes hash, entropy, type and beginning of a file in one pass.
func (b *Builder) read(f *File, r io.Reader) error {
	if r == nil {
		r = bytes.NewReader(nil)
	}
	hash := sha256.New()
	var seen histogram
	head := &prefix{max: typeSniff}
	n, err := io.Copy(io.MultiWriter(hash, &seen, head), io.LimitReader(r, maxFileRead))
	if err != nil {
		return err
	}
	f.Size = n
	f.SHA256 = hex.EncodeToString(hash.Sum(nil))
	f.Entropy = seen.entropy()
	f.Type = sniff(head.bytes)
	if f.Type == "script" || f.Type == "text" {
		text := head.bytes[:min(len(head.bytes), maxHead)]
		if b.heads+len(text) <= maxHeads {
			b.heads += len(text)
			f.Head = Printable(text)
		}
	}
	return nil
}

// sniff tells what a file is from its first bytes.
func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return "elf"
	case bytes.HasPrefix(head, []byte("#!")):
		return "script"
	case isText(head):
		return "text"
	}
	return "data"
}

func isText(head []byte) bool {
	// The last character may be cut off.
	for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return utf8.Valid(head) && !strings.ContainsFunc(string(head), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != '\v' && r != 0x1b
	})
}

// histogram counts bytes.
type histogram struct {
	count [256]int64
	n     int64
}

func (h *histogram) Write(p []byte) (int, error) {
	for _, c := range p {
		h.count[c]++
	}
	h.n += int64(len(p))
	return len(p), nil
}

// entropy is Shannon's, in bits per byte, to two places.
func (h *histogram) entropy() float64 {
	if h.n == 0 {
		return 0
	}
	sum := 0.0
	for _, c := range h.count {
		if c > 0 {
			p := float64(c) / float64(h.n)
			sum -= p * math.Log2(p)
		}
	}
	return math.Round(sum*100) / 100
}

// prefix keeps the first max bytes written to it.
type prefix struct {
	max   int
	bytes []byte
}

func (w *prefix) Write(p []byte) (int, error) {
	if room := w.max - len(w.bytes); room > 0 {
		w.bytes = append(w.bytes, p[:min(room, len(p))]...)
	}
	return len(p), nil
}
