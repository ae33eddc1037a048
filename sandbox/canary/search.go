package canary

import (
	"net/netip"
	"strings"
)

// Hit is a secret that was found.
type Hit struct {
	Name     string
	Encoding string // raw, base64, hex; url when it was percent-encoded or escaped as in JSON
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
// stream is cut into pieces. It reads the stream as it is, and, from the first
// escape on, also with escapes undone. Line breaks are skipped in both, since
// encoders put them anywhere. One goroutine at a time may use it.
type Search struct {
	set      *Set
	plain    uint16
	decoded  uint16
	escaping bool
	escape   escape
	hits     []Hit
	seen     map[seen]bool
}

type seen struct {
	secret   int
	encoding string
}

// Search starts a search in a new stream.
func (s *Set) Search() *Search { return &Search{set: s} }

// Write searches in the next piece of the stream. It never fails.
func (f *Search) Write(p []byte) (int, error) {
	m := f.set.matcher
	if m == nil {
		return len(p), nil
	}
	for i, c := range p {
		if c == '\n' || c == '\r' {
			continue
		}
		if (c == '%' || c == '\\') && !f.escaping {
			f.escaping = true
			f.decoded = f.plain
		}
		if f.escaping {
			f.write(p[i:])
			return len(p), nil
		}
		f.plain = m.step(f.plain, c)
		if at := m.found[f.plain]; at >= 0 {
			f.hit(m.patterns[at], false)
		}
	}
	return len(p), nil
}

// write goes on in both views.
func (f *Search) write(p []byte) {
	m := f.set.matcher
	for _, c := range p {
		if c == '\n' || c == '\r' {
			continue
		}
		f.plain = m.step(f.plain, c)
		if at := m.found[f.plain]; at >= 0 {
			f.hit(m.patterns[at], false)
		}
		for _, d := range f.escape.undo(c) {
			f.decoded = m.step(f.decoded, d)
			if at := m.found[f.decoded]; at >= 0 {
				f.hit(m.patterns[at], true)
			}
		}
	}
}

func (f *Search) hit(p pattern, decoded bool) {
	encoding := p.encoding
	if decoded {
		if f.seen[seen{p.secret, encoding}] {
			return // the plain view has it
		}
		if encoding == "raw" {
			encoding = "url"
		}
	}
	key := seen{p.secret, encoding}
	if f.seen[key] {
		return
	}
	if f.seen == nil {
		f.seen = make(map[seen]bool)
	}
	f.seen[key] = true
	secret := f.set.secrets[p.secret]
	f.hits = append(f.hits, Hit{Name: secret.Name, Encoding: encoding, Owner: secret.Owner})
}

// Hits lists what was found so far, each secret once per encoding.
func (f *Search) Hits() []Hit { return f.hits[:len(f.hits):len(f.hits)] }
