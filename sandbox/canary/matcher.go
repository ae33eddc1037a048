package canary

import "bytes"

// matcher finds many texts at once (Wu and Manber, 1994): a look-up by the last
// three bytes of a window tells how far it may move, which is most of its
// length where nothing is to be found.
type matcher struct {
	patterns []pattern
	window   int                 // the shortest text's length
	longest  int                 //
	shift    [1 << 16]uint8      // by the hash of a block
	ends     map[uint16][]uint16 // blocks that end a window of patterns
}

// block is how many bytes are looked up at once.
const block = 3

func hashBlock(b []byte) uint16 {
	_ = b[block-1]
	return uint16((uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16) * 2654435761 >> 16)
}

// newMatcher is nil when there is nothing to look for.
func newMatcher(patterns []pattern) *matcher {
	if len(patterns) == 0 {
		return nil
	}
	m := &matcher{patterns: patterns, window: len(patterns[0].text), ends: make(map[uint16][]uint16, len(patterns))}
	for _, p := range patterns {
		m.window = min(m.window, len(p.text))
		m.longest = max(m.longest, len(p.text))
	}
	for i := range m.shift {
		m.shift[i] = uint8(m.window - block + 1)
	}
	for i, p := range patterns {
		for end := block; end <= m.window; end++ {
			h := hashBlock(p.text[end-block : end])
			m.shift[h] = min(m.shift[h], uint8(m.window-end))
			if end == m.window {
				m.ends[h] = append(m.ends[h], uint16(i))
			}
		}
	}
	return m
}

// find calls found for each pattern in text, with where it begins.
func (m *matcher) find(text []byte, found func(p *pattern, at int)) {
	for end := m.window; end <= len(text); {
		h := hashBlock(text[end-block : end])
		if s := m.shift[h]; s > 0 {
			end += int(s)
			continue
		}
		at := end - m.window
		for _, i := range m.ends[h] {
			if p := &m.patterns[i]; bytes.HasPrefix(text[at:], p.text) {
				found(p, at)
			}
		}
		end++
	}
}

// view is one way to read a stream that comes in pieces. It remembers the end
// of what it has read, so that a text is found across pieces.
type view struct {
	tail [maxPattern - 1]byte
	n    int
}

// read searches in the next piece. room is for it and what came before; it is
// returned for the next use.
func (v *view) read(m *matcher, piece, room []byte, found func(p *pattern, at int, text []byte)) []byte {
	room = append(append(room[:0], v.tail[:v.n]...), piece...)
	m.find(room, func(p *pattern, at int) { found(p, at, room) })
	v.n = copy(v.tail[:min(m.longest-1, len(room))], room[max(0, len(room)-(m.longest-1)):])
	return room
}
