package scope

import (
	"fmt"
	"sort"
	"strings"
)

// Matcher is a compiled scope. It is immutable, safe for concurrent use, and
// Match does not allocate (but for patterns with inner stars over labels
// written as one value).
type Matcher struct {
	scope Scope
	all   bool // includes everything
	root  node
	terms []term
}

// term is a compiled variable.
type term struct {
	attribute *attribute
	value     pattern
	name      pattern // of named attributes, when paired
	paired    bool    // the variable has a name
}

// Compile checks a scope and makes it fast. Errors are of type *Error.
func Compile(s Scope) (*Matcher, error) {
	m := &Matcher{scope: s, all: s.Everything()}
	for i, v := range s.Variables {
		t, err := compileTerm(v)
		if err != nil {
			return nil, &Error{Text: fmt.Sprintf("variable v%d", i+1), Offset: -1, Reason: err.Error()}
		}
		m.terms = append(m.terms, t)
	}
	if m.all {
		return m, nil
	}
	var err error
	if m.root, err = parseExpression(s.Expression, len(s.Variables)); err != nil {
		return nil, err
	}
	return m, nil
}

func compileTerm(v Variable) (term, error) {
	a, ok := attributeNamed(v.Attribute)
	switch {
	case v.Attribute == "":
		return term{}, fmt.Errorf("has no attribute; known are %s", strings.Join(Attributes(), ", "))
	case !ok:
		return term{}, fmt.Errorf("unknown attribute %q; known are %s", v.Attribute, strings.Join(Attributes(), ", "))
	case isBlank(v.Value):
		return term{}, fmt.Errorf("%s has no value; write * for any", v.Attribute)
	case len(v.Value) > maxPattern || len(v.Name) > maxPattern:
		return term{}, fmt.Errorf("%s has a value of more than %d bytes", v.Attribute, maxPattern)
	}
	// A name beside an attribute without names is only a title for people.
	t := term{attribute: a, value: compilePattern(v.Value), paired: a.named && v.Name != ""}
	if t.paired {
		t.name = compilePattern(v.Name)
	}
	return t, nil
}

// maxPattern bounds one value; the longest legal repository:tag has 384 bytes.
const maxPattern = 1024

// Match tells whether the scope includes s. undecided means that the answer
// rests on an attribute that has no value here and was taken as false.
func (m *Matcher) Match(s *Subject) (included, undecided bool) {
	if m.all {
		return true, false
	}
	r := m.eval(&m.root, s)
	return r.low, r.may != r.must
}

// outcome holds three answers at once: low takes unknown terms as false, may
// is whether some value of the unknown terms would make it true, must whether
// all would. must implies low, low implies may.
type outcome struct{ low, may, must bool }

func (m *Matcher) eval(n *node, s *Subject) outcome {
	switch n.op {
	case leaf:
		matched, known := m.terms[n.term].match(s)
		if !known {
			return outcome{low: false, may: true, must: false}
		}
		return outcome{matched, matched, matched}
	case not:
		o := m.eval(&n.kids[0], s)
		return outcome{low: !o.low, may: !o.must, must: !o.may}
	case and:
		r := outcome{true, true, true}
		for i := range n.kids {
			o := m.eval(&n.kids[i], s)
			r = outcome{r.low && o.low, r.may && o.may, r.must && o.must}
			if !r.may {
				break
			}
		}
		return r
	default: // or
		var r outcome
		for i := range n.kids {
			o := m.eval(&n.kids[i], s)
			r = outcome{r.low || o.low, r.may || o.may, r.must || o.must}
			if r.must {
				break
			}
		}
		return r
	}
}

func (t *term) match(s *Subject) (matched, known bool) {
	a := t.attribute
	switch {
	case a.list != nil:
		values, known := a.list(s)
		for _, v := range values {
			if t.value.match(v) {
				return true, known
			}
		}
		return false, known
	case a.text != nil:
		v := a.text(s)
		return v != "" && t.value.match(v), v != ""
	case a.set != nil:
		values, known := a.set(s)
		return t.matchSet(values), known
	}
	return false, false
}

func (t *term) matchSet(values map[string]string) bool {
	if t.paired && t.name.shape == exact {
		v, ok := values[t.name.part]
		return ok && t.value.match(v)
	}
	for name, v := range values {
		if t.paired {
			if t.name.match(name) && t.value.match(v) {
				return true
			}
		} else if t.value.match(name) || t.value.matchPair(name, v) {
			return true
		}
	}
	return false
}

// Everything tells whether the scope includes every image.
func (m *Matcher) Everything() bool { return m.all }

// Context lists the attributes that the expression reads and whose values
// depend on where the question comes from, sorted.
func (m *Matcher) Context() []string {
	seen := map[string]bool{}
	m.visit(&m.root, func(i int) {
		if a := m.terms[i].attribute; a.contextual() {
			seen[a.name] = true
		}
	})
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// ReadsImageLabels tells whether the expression reads labels of the image's
// configuration, so that nobody knows what it includes before that is read.
func (m *Matcher) ReadsImageLabels() bool {
	reads := false
	m.visit(&m.root, func(i int) { reads = reads || m.terms[i].attribute.name == imageLabel })
	return reads
}

// visit calls f with the term of every leaf. A scope of everything has none.
func (m *Matcher) visit(n *node, f func(term int)) {
	if m.all {
		return
	}
	if n.op == leaf {
		f(n.term)
		return
	}
	for i := range n.kids {
		m.visit(&n.kids[i], f)
	}
}
