package judge

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// value is v as rules see it: what its JSON would be, made without writing and
// reading that, since an observation may be hundreds of megabytes of it. It is
// made once for all rules.
func value(v any) (ast.Value, error) {
	m := maker{types: map[reflect.Type]func(reflect.Value) (ast.Value, error){}, texts: map[string]*ast.Term{}}
	return m.make(reflect.ValueOf(v))
}

// maker turns values of Go into values of Rego, by the rules of encoding/json.
type maker struct {
	types map[reflect.Type]func(reflect.Value) (ast.Value, error)
	texts map[string]*ast.Term // those that come again and again
}

// What is kept of texts that come again: their length in bytes, and how many.
const (
	maxShared  = 96
	maxSharing = 50_000
)

func (m *maker) make(v reflect.Value) (ast.Value, error) {
	if !v.IsValid() {
		return ast.InternedNullValue, nil
	}
	t := v.Type()
	f, ok := m.types[t]
	if !ok {
		f = m.of(t)
		m.types[t] = f
	}
	return f(v)
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// of is how values of type t are made.
func (m *maker) of(t reflect.Type) func(reflect.Value) (ast.Value, error) {
	if t.Implements(jsonMarshaler) || t.Implements(textMarshaler) {
		return throughJSON
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value) (ast.Value, error) { return ast.InternedValue(v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) (ast.Value, error) {
			return ast.InternedValueOr(v.Int(), func(i int64) ast.Value { return ast.Number(strconv.FormatInt(i, 10)) }), nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) (ast.Value, error) {
			n := v.Uint()
			if n > math.MaxInt64 { // of which OPA would make a negative number
				return ast.Number(strconv.FormatUint(n, 10)), nil
			}
			return ast.InternedValueOr(n, func(n uint64) ast.Value { return ast.Number(strconv.FormatUint(n, 10)) }), nil
		}
	case reflect.String:
		return func(v reflect.Value) (ast.Value, error) { return m.text(v.String()).Value, nil }
	case reflect.Pointer, reflect.Interface:
		return func(v reflect.Value) (ast.Value, error) {
			if v.IsNil() {
				return ast.InternedNullValue, nil
			}
			return m.make(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 {
			return m.array
		}
	case reflect.Map:
		if k := t.Key(); k.Kind() == reflect.String && !k.Implements(textMarshaler) {
			return m.object
		}
	case reflect.Struct:
		return m.structure(t)
	}
	return throughJSON
}

// term shares the terms of texts.
func (m *maker) term(v reflect.Value) (*ast.Term, error) {
	if v.Kind() == reflect.String && !v.Type().Implements(jsonMarshaler) && !v.Type().Implements(textMarshaler) {
		return m.text(v.String()), nil
	}
	x, err := m.make(v)
	if err != nil {
		return nil, err
	}
	return ast.NewTerm(x), nil
}

func (m *maker) text(s string) *ast.Term {
	if t, ok := m.texts[s]; ok {
		return t
	}
	t := ast.StringTerm(s)
	if !utf8.ValidString(s) {
		t = ast.StringTerm(string([]rune(s))) // as JSON would carry it
	}
	if len(s) <= maxShared && len(m.texts) < maxSharing {
		m.texts[s] = t
	}
	return t
}

func (m *maker) array(v reflect.Value) (ast.Value, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return ast.InternedNullValue, nil
	}
	list := make([]*ast.Term, v.Len())
	for i := range list {
		t, err := m.term(v.Index(i))
		if err != nil {
			return nil, err
		}
		list[i] = t
	}
	return ast.NewArray(list...), nil
}

func (m *maker) object(v reflect.Value) (ast.Value, error) {
	if v.IsNil() {
		return ast.InternedNullValue, nil
	}
	pairs := make([][2]*ast.Term, 0, v.Len())
	for i := v.MapRange(); i.Next(); {
		t, err := m.term(i.Value())
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]*ast.Term{m.text(i.Key().String()), t})
	}
	return ast.NewObject(pairs...), nil
}

// field is a field of a struct, also of one that is embedded in it.
type field struct {
	index     []int
	key       *ast.Term
	omitEmpty bool
}

func (m *maker) structure(t reflect.Type) func(reflect.Value) (ast.Value, error) {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous && name == "" || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if options != "" && options != "omitempty" {
			return throughJSON // an option that only encoding/json knows
		}
		fields = append(fields, field{f.Index, m.text(name), options == "omitempty"})
	}
	return func(v reflect.Value) (ast.Value, error) {
		pairs := make([][2]*ast.Term, 0, len(fields))
		for _, f := range fields {
			x := v.FieldByIndex(f.index)
			if f.omitEmpty && empty(x) {
				continue
			}
			t, err := m.term(x)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, [2]*ast.Term{f.key, t})
		}
		return ast.NewObject(pairs...), nil
	}
}

// empty is what encoding/json's option omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// throughJSON is for what has a form of its own there, like times, and for fractions.
func throughJSON(v reflect.Value) (ast.Value, error) {
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Type(), err)
	}
	return ast.ValueFromReader(bytes.NewReader(b))
}

// decode fills v from what Rego answered.
func decode(answer, v any) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
