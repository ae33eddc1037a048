package scope

import (
	"maps"
	"math/bits"
	"slices"
	"sync"
)

// Index asks many scopes about an image without asking each: most of a
// thousand policies name a repository that the image is not in. It is
// immutable and safe for concurrent use.
type Index struct {
	matchers []*Matcher
	always   []uint64 // those that must be asked whatever the image is, as a bit set
	fields   []field  // of the attributes by which others are found
	scratch  sync.Pool
}

// field finds the scopes that name a value of one attribute.
type field struct {
	values   func(*Subject) ([]string, bool)
	exact    map[string][]int32
	prefixes affixes
	suffixes affixes
}

// affixes are beginnings, or ends, of values.
type affixes struct {
	lengths []int // that occur, ascending
	found   map[string][]int32
}

// clue is something that must be true of an image for a scope to include it,
// or to be undecided about it.
type clue struct {
	attribute *attribute
	shape     shape // exact, prefix or suffix
	part      string
}

// NewIndex makes an index of scopes, which results call by their number.
func NewIndex(matchers []*Matcher) *Index {
	words := (len(matchers) + 63) / 64
	x := &Index{matchers: matchers, always: make([]uint64, words)}
	x.scratch.New = func() any { return new(make([]uint64, words)) }
	byAttribute := map[*attribute]*field{}
	for i, m := range matchers {
		clues, ok := m.clues()
		if !ok {
			x.always[i/64] |= 1 << (i % 64)
			continue
		}
		for _, c := range clues {
			f := byAttribute[c.attribute]
			if f == nil {
				f = &field{values: c.attribute.list, exact: map[string][]int32{}, prefixes: affixes{found: map[string][]int32{}}, suffixes: affixes{found: map[string][]int32{}}}
				byAttribute[c.attribute] = f
			}
			found := map[shape]map[string][]int32{exact: f.exact, prefix: f.prefixes.found, suffix: f.suffixes.found}[c.shape]
			found[c.part] = append(found[c.part], int32(i))
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(byAttribute), func(a, b *attribute) int { return slices.Compare([]byte(a.name), []byte(b.name)) }) {
		f := byAttribute[a]
		f.prefixes.measure()
		f.suffixes.measure()
		x.fields = append(x.fields, *f)
	}
	return x
}

func (a *affixes) measure() {
	lengths := map[int]bool{}
	for part := range a.found {
		lengths[len(part)] = true
	}
	a.lengths = slices.Sorted(maps.Keys(lengths))
}

// Match calls f, in order, for every scope that includes s or is undecided
// about it, until f returns false. It does not allocate.
func (x *Index) Match(s *Subject, f func(i int, included, undecided bool) bool) {
	candidates := x.scratch.Get().(*[]uint64)
	defer x.scratch.Put(candidates)
	set := *candidates
	copy(set, x.always)
	for i := range x.fields {
		x.fields[i].mark(set, s)
	}
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			included, undecided := x.matchers[i].Match(s)
			if (included || undecided) && !f(i, included, undecided) {
				return
			}
		}
	}
}

func (f *field) mark(set []uint64, s *Subject) {
	values, _ := f.values(s)
	for _, v := range values {
		mark(set, f.exact[v])
		for _, n := range f.prefixes.lengths {
			if n > len(v) {
				break
			}
			mark(set, f.prefixes.found[v[:n]])
		}
		for _, n := range f.suffixes.lengths {
			if n > len(v) {
				break
			}
			mark(set, f.suffixes.found[v[len(v)-n:]])
		}
	}
}

func mark(set []uint64, found []int32) {
	for _, i := range found {
		set[i/64] |= 1 << (i % 64)
	}
}

// clues are such that one of them must be true of an image for the scope not
// to be certainly false. There may be none to be found.
func (m *Matcher) clues() (clues []clue, ok bool) {
	if m.all {
		return nil, false
	}
	return m.cluesOf(&m.root)
}

func (m *Matcher) cluesOf(n *node) ([]clue, bool) {
	switch n.op {
	case leaf:
		return m.terms[n.term].clues()
	case or:
		var all []clue
		for i := range n.kids {
			clues, ok := m.cluesOf(&n.kids[i])
			if !ok {
				return nil, false
			}
			all = append(all, clues...)
		}
		return all, true
	case and: // the clues of any will do: take those that say most
		var best []clue
		for i := range n.kids {
			if clues, ok := m.cluesOf(&n.kids[i]); ok && (best == nil || weight(clues) > weight(best)) {
				best = clues
			}
		}
		return best, best != nil
	}
	return nil, false // not
}

// weight is how much the least telling of clues says, and at least that.
func weight(clues []clue) int {
	least := 1 << 20
	for _, c := range clues {
		n := 2 * len(c.part)
		if c.shape == exact {
			n += 1 << 10
		}
		least = min(least, n)
	}
	return least
}

// clues of a term are there for attributes whose values are always known, and
// patterns that begin or end with something.
func (t *term) clues() ([]clue, bool) {
	if t.attribute.list == nil {
		return nil, false
	}
	c := clue{attribute: t.attribute, shape: t.value.shape, part: t.value.part}
	switch t.value.shape {
	case exact, prefix, suffix:
	case general:
		c.shape, c.part = prefix, t.value.parts[0]
		if last := t.value.parts[len(t.value.parts)-1]; len(last) > len(c.part) {
			c.shape, c.part = suffix, last
		}
		if c.part == "" {
			return nil, false
		}
	default:
		return nil, false
	}
	return []clue{c}, true
}
