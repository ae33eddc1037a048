package canary

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// pattern is one encoding of one secret's needle.
type pattern struct {
	text     string
	secret   int // index in the set
	encoding string
}

// phase tells which base64 characters the bytes from skip to skip+n decide
// alone, when skip bytes of something else come before them (RFC 4648 §4: six
// bits a character).
func phase(skip, n int) (start, end int) { return (8*skip + 5) / 6, 8 * (skip + n) / 6 }

func patterns(secrets []Secret) []pattern {
	var all []pattern
	for i, s := range secrets {
		if s.needle == "" {
			continue
		}
		add := func(text, encoding string) { all = append(all, pattern{text, i, encoding}) }
		add(s.needle, "raw")
		for skip := range 3 {
			start, end := phase(skip, len(s.needle))
			padded := []byte(strings.Repeat("\x00", skip) + s.needle)
			std := base64.RawStdEncoding.EncodeToString(padded)[start:end]
			url := base64.RawURLEncoding.EncodeToString(padded)[start:end]
			add(std, "base64")
			if url != std {
				add(url, "base64")
			}
		}
		lower := hex.EncodeToString([]byte(s.needle))
		add(lower, "hex")
		if upper := strings.ToUpper(lower); upper != lower {
			add(upper, "hex")
		}
	}
	return all
}

// matcher is an Aho-Corasick automaton as a complete table: one look-up a byte,
// whatever the input. Characters that no pattern has share a column.
type matcher struct {
	patterns []pattern
	column   [256]uint16
	columns  int
	next     []uint16 // [state*columns + column] → state
	found    []int16  // [state] → pattern that ends there, or -1
}

// newMatcher builds the automaton. All patterns of random needles differ, and
// none ends within another, so that one pattern per state is enough.
func newMatcher(secrets []Secret) *matcher {
	m := &matcher{patterns: patterns(secrets), columns: 1} // column 0: no pattern's character
	states := 1
	for _, p := range m.patterns {
		states += len(p.text)
		for i := range len(p.text) {
			if c := p.text[i]; m.column[c] == 0 {
				m.column[c] = uint16(m.columns)
				m.columns++
			}
		}
	}
	m.next = make([]uint16, states*m.columns)
	m.found = make([]int16, states)
	for i := range m.found {
		m.found[i] = -1
	}

	last := uint16(0)
	for i, p := range m.patterns {
		state := uint16(0)
		for j := range len(p.text) {
			edge := &m.next[int(state)*m.columns+int(m.column[p.text[j]])]
			if *edge == 0 {
				last++
				*edge = last
			}
			state = *edge
		}
		m.found[state] = int16(i)
	}
	m.complete(int(last) + 1)
	return m
}

// complete replaces missing edges by those of the longest proper suffix that
// is a state, breadth first.
func (m *matcher) complete(states int) {
	suffix := make([]uint16, states)
	queue := make([]uint16, 0, states)
	for _, state := range m.next[:m.columns] {
		if state != 0 {
			queue = append(queue, state)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		row := m.next[int(state)*m.columns:][:m.columns]
		fallback := m.next[int(suffix[state])*m.columns:][:m.columns]
		for c, child := range row {
			if child == 0 {
				row[c] = fallback[c]
				continue
			}
			suffix[child] = fallback[c]
			queue = append(queue, child)
		}
	}
}

func (m *matcher) step(state uint16, c byte) uint16 {
	return m.next[int(state)*m.columns+int(m.column[c])]
}
