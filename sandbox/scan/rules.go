package scan

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Rule is one thing that bytes can give away: it matches when texts of at
// least Need of its groups are there.
type Rule struct {
	Name   string              `json:"name"`
	Source string              `json:"source"` // where the texts come from
	Need   int                 `json:"need"`
	Groups map[string][]string `json:"groups"` // each a name and the texts of which any counts
}

// Match is one rule that matched.
type Match struct {
	Rule  string   `json:"rule"`
	Found []string `json:"found"` // "group: text", sorted
}

// Text is the match in one line.
func (m Match) Text() string { return strings.Join(m.Found, "; ") }

// Rules is a compiled list. It is safe for concurrent use.
type Rules struct {
	list  []Rule
	texts []text
	find  *texts
}

type text struct {
	rule  int
	group string
	text  string
}

// Limits on a list of rules.
const (
	minText  = 5 // bytes; shorter ones are in everything
	maxText  = 64
	maxTexts = 2000
)

// Compile makes rules ready. A rule that can never match, or always does, is an error.
func Compile(list []Rule) (*Rules, error) {
	r := &Rules{list: list}
	for i, rule := range list {
		if rule.Name == "" || rule.Need < 1 || rule.Need > len(rule.Groups) {
			return nil, fmt.Errorf("byte rule %q needs %d of %d groups", rule.Name, rule.Need, len(rule.Groups))
		}
		for group, texts := range rule.Groups {
			for _, t := range texts {
				if len(t) < minText || len(t) > maxText {
					return nil, fmt.Errorf("byte rule %q: the text %q has %d bytes, not %d to %d", rule.Name, t, len(t), minText, maxText)
				}
				r.texts = append(r.texts, text{i, group, t})
			}
		}
	}
	if len(r.texts) == 0 || len(r.texts) > maxTexts {
		return nil, fmt.Errorf("%d texts in byte rules, not 1 to %d", len(r.texts), maxTexts)
	}
	slices.SortFunc(r.texts, func(a, b text) int { return strings.Compare(a.text, b.text) })
	var patterns []string
	for _, t := range r.texts {
		patterns = append(patterns, t.text)
	}
	r.find = newTexts(patterns)
	return r, nil
}

//go:embed rules.json
var builtin []byte

var compiled = sync.OnceValue(func() *Rules {
	var list []Rule
	err := json.Unmarshal(builtin, &list)
	if err == nil {
		var r *Rules
		if r, err = Compile(list); err == nil {
			return r
		}
	}
	panic("scan: rules.json: " + err.Error()) // a test reads it
})

// Builtin is the rules that this binary brings along, see rules.json.
func Builtin() *Rules { return compiled() }

// Search is one stream of bytes that is searched.
type Search struct {
	rules *Rules
	found []bool // by text
	tail  []byte // the last bytes so far, where a text may have begun
	seam  []byte // tail and the bytes that follow
}

// Begin starts a search.
func (r *Rules) Begin() *Search {
	return &Search{rules: r, found: make([]bool, len(r.texts)), tail: make([]byte, 0, maxText-1)}
}

// Write takes the next bytes. It never fails.
func (s *Search) Write(p []byte) (int, error) {
	const keep = maxText - 1
	s.seam = append(append(s.seam[:0], s.tail...), p[:min(len(p), keep)]...)
	if len(s.tail) > 0 {
		s.rules.find.find(s.seam, s.found)
	}
	s.rules.find.find(p, s.found)
	last := p
	if len(p) < keep {
		last = s.seam
	}
	s.tail = append(s.tail[:0], last[max(0, len(last)-keep):]...)
	return len(p), nil
}

// Matches is the rules that matched so far, in the order of the list.
func (s *Search) Matches() []Match {
	var matches []Match
	for i, rule := range s.rules.list {
		groups := map[string]string{}
		for n, t := range s.rules.texts {
			if s.found[n] && t.rule == i && groups[t.group] == "" {
				groups[t.group] = t.text
			}
		}
		if len(groups) < rule.Need {
			continue
		}
		m := Match{Rule: rule.Name}
		for group, t := range groups {
			m.Found = append(m.Found, group+": "+t)
		}
		slices.Sort(m.Found)
		matches = append(matches, m)
	}
	return matches
}
