package scope

import "strings"

// shape is how a pattern can be compared without a general matcher.
type shape uint8

const (
	exact shape = iota
	prefix
	suffix
	contains
	anything
	general
)

// pattern is a value with "*" compiled by its shape.
type pattern struct {
	shape shape
	part  string   // of exact, prefix, suffix, contains
	parts []string // of general: between the stars, the first and last anchored
}

func compilePattern(value string) pattern {
	pieces := strings.Split(value, "*")
	// Neighbouring stars are one.
	parts := pieces[:1]
	for i, p := range pieces[1:] {
		if p != "" || i == len(pieces)-2 {
			parts = append(parts, p)
		}
	}
	switch {
	case len(parts) == 1:
		return pattern{shape: exact, part: parts[0]}
	case len(parts) == 2 && parts[0] == "" && parts[1] == "":
		return pattern{shape: anything}
	case len(parts) == 2 && parts[1] == "":
		return pattern{shape: prefix, part: parts[0]}
	case len(parts) == 2 && parts[0] == "":
		return pattern{shape: suffix, part: parts[1]}
	case len(parts) == 3 && parts[0] == "" && parts[2] == "":
		return pattern{shape: contains, part: parts[1]}
	}
	return pattern{shape: general, parts: parts}
}

func (p *pattern) match(s string) bool {
	switch p.shape {
	case exact:
		return s == p.part
	case prefix:
		return strings.HasPrefix(s, p.part)
	case suffix:
		return strings.HasSuffix(s, p.part)
	case contains:
		return strings.Contains(s, p.part)
	case anything:
		return true
	}
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	// The leftmost place of each middle part leaves most room for the rest, so
	// no backtracking is needed.
	for _, middle := range p.parts[1 : len(p.parts)-1] {
		i := strings.Index(s, middle)
		if i < 0 {
			return false
		}
		s = s[i+len(middle):]
	}
	return strings.HasSuffix(s, last)
}

// matchPair compares name=value without joining them. It is only asked of
// patterns from users, so the general shape may join.
func (p *pattern) matchPair(name, value string) bool {
	switch p.shape {
	case exact:
		n := len(name)
		return len(p.part) == n+1+len(value) && p.part[:n] == name && p.part[n] == '=' && p.part[n+1:] == value
	case anything:
		return true
	}
	return p.match(name + "=" + value)
}
