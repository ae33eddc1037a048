package network

import (
	"strings"
	"sync/atomic"
)

// maxExcerpt is how much of each direction of a flow is kept, in bytes.
const maxExcerpt = 64 << 10

// excerpt is the beginning of one direction of a flow.
type excerpt struct{ bytes []byte }

// add keeps what still fits, here and in the budget of all flows.
func (e *excerpt) add(p []byte, b *budget) {
	n := min(len(p), maxExcerpt-len(e.bytes))
	if n > 0 {
		e.bytes = append(e.bytes, p[:b.take(n)]...)
	}
}

// reset forgets what was kept and returns how much it was.
func (e *excerpt) reset() int {
	n := len(e.bytes)
	e.bytes = nil
	return n
}

// budget is how many bytes may still be kept of all flows together.
type budget struct {
	left   atomic.Int64
	beyond atomic.Int64
}

// take says how many of n bytes may be kept.
func (b *budget) take(n int) int {
	if after := b.left.Add(-int64(n)); after < 0 {
		missing := min(-after, int64(n))
		b.left.Add(missing)
		b.beyond.Add(missing)
		return n - int(missing)
	}
	return n
}

func (b *budget) giveBack(n int) { b.left.Add(int64(n)) }

// escape writes printable ASCII as it is and the rest, the backslash included,
// as \xNN, so that what was there can be told exactly.
func escape(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		if c >= 0x20 && c < 0x7f && c != '\\' {
			s.WriteByte(c)
			continue
		}
		s.WriteString(`\x`)
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}
