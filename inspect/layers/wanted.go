package layers

import (
	"path"
	"strings"
)

// Wanted are files whose content is kept: those at Path, an absolute path in
// which "*" stands for any one component.
type Wanted struct {
	Path  string
	Limit int64 // bytes; a larger file is not read
}

// selector tells which files are wanted.
type selector struct {
	exact    map[string]int64
	patterns []pattern
}

type pattern struct {
	parts []string
	limit int64
}

func newSelector(wanted []Wanted) *selector {
	s := &selector{exact: map[string]int64{}}
	for _, w := range wanted {
		s.add(w)
	}
	return s
}

func (s *selector) add(w Wanted) {
	if strings.Contains(w.Path, "*") {
		s.patterns = append(s.patterns, pattern{split(w.Path), w.Limit})
		return
	}
	s.exact[w.Path] = max(w.Limit, s.exact[w.Path])
}

// limit is how many bytes of the file at the absolute path are kept; 0: it is not wanted.
func (s *selector) limit(parts []string) int64 {
	if l, ok := s.exact["/"+strings.Join(parts, "/")]; ok {
		return l
	}
	for _, p := range s.patterns {
		if p.matches(parts) {
			return p.limit
		}
	}
	return 0
}

func (p pattern) matches(parts []string) bool {
	if len(parts) != len(p.parts) {
		return false
	}
	for i, want := range p.parts {
		if want != "*" && want != parts[i] {
			return false
		}
	}
	return true
}

// fixed divides a path into the part before the first "*", and the rest.
func fixed(wanted string) (before, rest string) {
	i := strings.Index(wanted, "/*")
	if i < 0 {
		return wanted, ""
	}
	return path.Clean("/" + wanted[:i]), wanted[i:]
}
