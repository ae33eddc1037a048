package canary

import (
	"bytes"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Hit is a secret that was found.
type Hit struct {
	Name string
	// Encoding is raw, base64, base32, hex, reversed, xor, url when it was
	// percent-encoded or escaped as in JSON, or the name of a compressed format.
	// What was encoded twice has both, the outer one first: base64+gzip.
	Encoding string
	Owner    []string
}

// Belongs tells whether host, a name or an address, is the secret's owner.
func (h Hit) Belongs(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, owner := range h.Owner {
		if host == owner {
			return true
		}
		if _, err := netip.ParseAddr(owner); err != nil && strings.HasSuffix(host, "."+owner) {
			return true
		}
	}
	return false
}

// Search looks for the secrets of a Set in one stream of bytes, however the
// stream is cut into pieces. It reads the stream
//
//   - as text: without single line breaks, since encoders put them anywhere;
//   - from the first escape on, also with escapes undone;
//   - with masks undone, see maskLength;
//   - inside long runs of base64 and hexadecimal digits;
//   - inside what is compressed.
//
// In the last two it looks as it does outside. One goroutine at a time may use it.
type Search struct {
	set      *Set
	lines    lines
	plain    view
	decoded  view
	escaping bool
	escape   escape
	last     [maskLength]byte // bytes of the stream
	lasts    int
	masks    view
	raw      view // the bytes that masks was made of
	runs     runs
	packed   packed
	depth    int // of searches within searches

	outer *Search // nil, or the one that is told instead
	via   string  // what this one's stream was inside of there

	hits []Hit
	seen map[seen]bool
}

type seen struct {
	secret   int
	encoding string
}

// maxDepth is how deep a stream may be packed.
const maxDepth = 3

// Search starts a search in a new stream.
func (s *Set) Search() *Search { return &Search{set: s} }

// inner is a search in something that is encoded in this stream; nil when it
// is too deep.
func (f *Search) inner(via string) *Search {
	if f.depth >= maxDepth {
		return nil
	}
	in := f.set.Search()
	in.depth, in.outer, in.via = f.depth+1, f, via
	return in
}

// piece is how much of a stream is read at once, in bytes.
const piece = 4 << 10

// room is what a piece needs while it is read. A guest can have many streams.
type room struct{ text, undone, joined, mask, unmasked, raw, digits, marks []byte }

var rooms = sync.Pool{New: func() any { return new(room) }}

// Write searches in the next piece of the stream. It never fails.
func (f *Search) Write(p []byte) (int, error) {
	if f.set.texts == nil {
		return len(p), nil
	}
	r := rooms.Get().(*room)
	defer rooms.Put(r)
	for rest := p; len(rest) > 0; {
		n := min(len(rest), piece)
		f.read(rest[:n], r)
		rest = rest[n:]
	}
	return len(p), nil
}

func (f *Search) read(p []byte, r *room) {
	r.text = f.lines.join(r.text[:0], p)
	text := r.text
	if !f.escaping && bytes.ContainsAny(text, `%\`) {
		f.escaping, f.decoded = true, f.plain
	}
	r.joined = f.plain.read(f.set.texts, text, r.joined, func(p *pattern, _ int, _ []byte) { f.hit(p.secret, p.encoding) })
	if f.escaping {
		r.undone = f.escape.undo(r.undone[:0], text)
		text = r.undone
		r.joined = f.decoded.read(f.set.texts, text, r.joined, func(p *pattern, _ int, _ []byte) { f.unescaped(p) })
	}
	f.unmask(p, r)
	f.runs.read(f, text, r)
	f.packed.read(f, p, r)
}

// lines joins the lines of a stream. A blank line stays a break: what comes
// after it is something else.
type lines struct{ broke, blank bool }

// join appends p without its line breaks.
func (l *lines) join(dst, p []byte) []byte {
	for len(p) > 0 {
		line, rest, broken := bytes.Cut(p, []byte{'\n'})
		p = rest
		start := len(dst)
		for len(line) > 0 {
			var part []byte
			part, line, _ = bytes.Cut(line, []byte{'\r'})
			dst = append(dst, part...)
		}
		switch {
		case len(dst) > start:
			l.broke, l.blank = false, false
		case broken && l.broke && !l.blank:
			dst = append(dst, '\n')
			l.blank = true
		}
		l.broke = l.broke || broken
	}
	return dst
}

// unmask searches for what does not depend on a mask that repeats.
func (f *Search) unmask(p []byte, r *room) {
	r.joined = append(append(r.joined[:0], f.last[:f.lasts]...), p...)
	stream := r.joined
	f.lasts = copy(f.last[:], stream[max(0, len(stream)-maskLength):])
	if len(stream) <= maskLength {
		return
	}
	r.mask = unmask(r.mask[:0], stream)
	// The stream's bytes at a place tell whether there is a mask at all.
	r.raw = append(append(r.raw[:0], f.raw.tail[:f.raw.n]...), stream[:len(stream)-maskLength]...)
	raw := r.raw
	f.raw.n = copy(f.raw.tail[:], raw[max(0, len(raw)-(f.set.masks.longest-1)):])
	r.unmasked = f.masks.read(f.set.masks, r.mask, r.unmasked, func(p *pattern, at int, _ []byte) {
		if !bytes.HasPrefix(raw[at:], p.key) {
			f.hit(p.secret, p.encoding)
		}
	})
}

// unmask appends each byte of p combined with the one maskLength after it.
func unmask(dst, p []byte) []byte {
	n := max(0, len(p)-maskLength)
	dst = slices.Grow(dst, n)[:len(dst)+n]
	subtle.XORBytes(dst[len(dst)-n:], p[:n], p[len(p)-n:])
	return dst
}

// unescaped notes what shows only when escapes are undone.
func (f *Search) unescaped(p *pattern) {
	switch {
	case f.seen[seen{p.secret, p.encoding}]: // it shows without
	case p.encoding == "raw":
		f.hit(p.secret, "url")
	default:
		f.hit(p.secret, p.encoding)
	}
}

func (f *Search) hit(secret int, encoding string) {
	key := seen{secret, encoding}
	if f.seen[key] {
		return
	}
	if f.seen == nil {
		f.seen = make(map[seen]bool)
	}
	f.seen[key] = true
	if f.outer != nil {
		if encoding == "raw" {
			encoding = f.via
		} else {
			encoding = f.via + "+" + encoding
		}
		f.outer.hit(secret, encoding)
		return
	}
	s := f.set.secrets[secret]
	f.hits = append(f.hits, Hit{Name: s.Name, Encoding: encoding, Owner: s.Owner})
}

// Flush looks into what has not come to its end, such as a compressed file of
// which the rest is missing. The stream may go on.
func (f *Search) Flush() {
	if f.set.texts == nil {
		return
	}
	f.runs.flush()
	f.packed.flush(f)
}

// Close is Flush at the end of the stream. Hits stay.
func (f *Search) Close() {
	f.Flush()
	if f.set.texts != nil {
		f.packed.close(f)
	}
}

// Hits lists what was found so far, each secret once per encoding.
func (f *Search) Hits() []Hit { return f.hits[:len(f.hits):len(f.hits)] }
