package policies

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// converter turns the plain data that facts are made of into values of Rego:
// structs with json tags, maps by string, slices, strings, numbers, booleans,
// times. Lists and maps that are nil become empty, so that rules need not ask.
// Going through JSON text would take ten times as long. Words that come again
// and again in a list of packages become one term.
type converter struct {
	words   map[string]*ast.Term
	scores  map[float64]*ast.Term
	terms   []ast.Term     // to be used
	members [][2]*ast.Term // of the objects that are being made, innermost last
}

// deriver is a fact of which rules read more than it holds: derive adds members.
type deriver interface {
	derive(c *converter) error
}

// valueOf converts the data that a pointer leads to.
func valueOf(data any) (ast.Value, error) {
	c := converter{words: map[string]*ast.Term{}, scores: map[float64]*ast.Term{}}
	t, err := c.value(reflect.ValueOf(data).Elem())
	if err != nil {
		return nil, err
	}
	return t.Value, nil
}

// longWord is beyond what comes again.
const longWord = 64

// text is s as a term.
func (c *converter) text(s string) *ast.Term {
	if len(s) > longWord {
		return c.term(ast.String(strings.ToValidUTF8(s, "\ufffd")))
	}
	t, ok := c.words[s]
	if !ok {
		t = c.term(ast.String(strings.ToValidUTF8(s, "\ufffd")))
		c.words[s] = t
	}
	return t
}

func (c *converter) texts(all []string) *ast.Term {
	terms := make([]*ast.Term, len(all))
	for i, s := range all {
		terms[i] = c.text(s)
	}
	return c.term(ast.NewArray(terms...))
}

func (c *converter) number(f float64) *ast.Term {
	t, ok := c.scores[f]
	if !ok {
		t = ast.FloatNumberTerm(f)
		c.scores[f] = t
	}
	return t
}

// term takes one of a block, which lives as long as any of its terms.
func (c *converter) term(v ast.Value) *ast.Term {
	const block = 128
	if len(c.terms) == 0 {
		c.terms = make([]ast.Term, block)
	}
	t := &c.terms[0]
	c.terms = c.terms[1:]
	t.Value = v
	return t
}

// add adds to the object that is being made the data that a pointer leads to.
func (c *converter) add(name string, data any) error {
	t, err := c.value(reflect.ValueOf(data).Elem())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.addTerm(name, t)
	return nil
}

func (c *converter) addTerm(name string, t *ast.Term) {
	c.members = append(c.members, [2]*ast.Term{c.text(name), t})
}

// object makes one of the members that were added since begin.
func (c *converter) object(begin int) *ast.Term {
	t := c.term(ast.NewObject(c.members[begin:]...))
	c.members = c.members[:begin]
	return t
}

var timeType = reflect.TypeFor[time.Time]()

func (c *converter) value(v reflect.Value) (*ast.Term, error) {
	switch v.Kind() {
	case reflect.String:
		return c.text(v.String()), nil
	case reflect.Bool:
		return ast.InternedTerm(v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return ast.InternedTerm(int(v.Int())), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return ast.InternedTerm(int(v.Uint())), nil
	case reflect.Float64, reflect.Float32:
		return c.number(v.Float()), nil
	case reflect.Pointer:
		if v.IsNil() {
			return ast.NullTerm(), nil
		}
		return c.value(v.Elem())
	case reflect.Slice:
		return c.list(v)
	case reflect.Map:
		return c.dictionary(v)
	case reflect.Struct:
		if v.Type() == timeType {
			return c.text(v.Interface().(time.Time).UTC().Format(time.RFC3339Nano)), nil
		}
		return c.record(v)
	}
	return nil, fmt.Errorf("a fact of type %s cannot be given to rules", v.Type())
}

func (c *converter) list(v reflect.Value) (*ast.Term, error) {
	terms := make([]*ast.Term, v.Len())
	for i := range terms {
		var err error
		if terms[i], err = c.value(v.Index(i)); err != nil {
			return nil, err
		}
	}
	return c.term(ast.NewArray(terms...)), nil
}

func (c *converter) dictionary(v reflect.Value) (*ast.Term, error) {
	begin := len(c.members)
	for it := v.MapRange(); it.Next(); {
		element, err := c.value(it.Value())
		if err != nil {
			return nil, err
		}
		c.members = append(c.members, [2]*ast.Term{c.text(it.Key().String()), element})
	}
	return c.object(begin), nil
}

func (c *converter) record(v reflect.Value) (*ast.Term, error) {
	begin := len(c.members)
	for _, m := range membersOf(v.Type()) {
		field := v.FieldByIndex(m.index)
		if m.omit && field.IsZero() {
			continue
		}
		element, err := c.value(field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		c.members = append(c.members, [2]*ast.Term{m.name, element})
	}
	if v.CanAddr() {
		if d, ok := v.Addr().Interface().(deriver); ok {
			if err := d.derive(c); err != nil {
				return nil, err
			}
		}
	}
	return c.object(begin), nil
}

// member is one field of a struct as encoding/json names it.
type member struct {
	index []int
	name  *ast.Term
	omit  bool // when it is zero
}

var members sync.Map // reflect.Type → []member

func membersOf(t reflect.Type) []member {
	if known, ok := members.Load(t); ok {
		return known.([]member)
	}
	var all []member
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue // also an embedded struct, whose fields follow
		}
		all = append(all, member{index: f.Index, name: ast.InternedTerm(name), omit: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")})
	}
	members.Store(t, all)
	return all
}
