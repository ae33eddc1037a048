package scan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Limits on what is read of one file.
const (
	maxRead = 1 << 30  // bytes; what is beyond is as if it were not there
	maxELF  = 64 << 20 // bytes of an ELF file that are looked into
	sniffed = 16 << 10 // bytes that decide between text and data

	MaxHead = 4 << 10 // bytes of Facts.Head
)

// Facts is what the bytes of one file say.
type Facts struct {
	Type    string  // elf, script, text, archive, data
	Size    int64   // bytes
	SHA256  string  // hex
	Entropy float64 // bits per byte, 0 to 8, to two places
	Head    []byte  // the first MaxHead bytes
	ELF     *ELF    // of type elf, as far as its headers make sense
	Matches []Match // of the built-in byte rules
}

// Read reads one file to its end. The error is that of r.
func Read(r io.Reader) (Facts, error) {
	hash := sha256.New()
	var seen histogram
	head := &prefix{max: sniffed}
	find := Builtin().Begin()
	n, err := io.CopyBuffer(io.MultiWriter(hash, &seen, head, find), io.LimitReader(r, maxRead), make([]byte, 64<<10))
	if err != nil {
		return Facts{}, err
	}
	f := Facts{
		Type: Sniff(head.bytes), Size: n, SHA256: hex.EncodeToString(hash.Sum(nil)), Entropy: seen.entropy(),
		Head: head.bytes[:min(len(head.bytes), MaxHead)], Matches: find.Matches(),
	}
	if f.Type == "elf" {
		f.ELF = readELF(head.whole)
	}
	return f, nil
}

var archives = []string{"\x1f\x8b", "PK\x03\x04", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "!<arch>\n", "Rar!"}

// Sniff tells what a file is from its first bytes.
func Sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return "elf"
	case bytes.HasPrefix(head, []byte("#!")):
		return "script"
	case isText(head):
		return "text"
	}
	for _, magic := range archives {
		if bytes.HasPrefix(head, []byte(magic)) {
			return "archive"
		}
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

// entropy is Shannon's, in bits per byte.
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

// prefix keeps the first max bytes written to it, and of an ELF file the
// first maxELF: its tables may lie at its end.
type prefix struct {
	max   int
	bytes []byte
	whole []byte
}

func (w *prefix) Write(p []byte) (int, error) {
	if room := w.max - len(w.bytes); room > 0 {
		w.bytes = append(w.bytes, p[:min(room, len(p))]...)
	}
	if bytes.HasPrefix(w.bytes, []byte("\x7fELF")) {
		if room := maxELF - len(w.whole); room > 0 {
			w.whole = append(w.whole, p[:min(room, len(p))]...)
		}
	}
	return len(p), nil
}
