package policies

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// MarshalJSON writes the facts document as rules read it, with the names,
// repositories and registries of the image.
func (in Input) MarshalJSON() ([]byte, error) {
	subject := in.subject()
	doc, err := in.document(in.Now, &subject)
	if err != nil {
		return nil, err
	}
	plain, err := ast.JSON(doc)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// document is the input as Rego reads it. Going through JSON text would take
// ten times as long.
func (in *Input) document(now time.Time, s *scope.Subject) (ast.Value, error) {
	image, err := valueOf(reflect.ValueOf(&in.Image).Elem())
	if err != nil {
		return nil, err
	}
	names := image.(ast.Object)
	names.Insert(ast.InternedTerm("names"), ast.NewTerm(stringArray(s.Names)))
	names.Insert(ast.InternedTerm("repositories"), ast.NewTerm(stringArray(s.Repositories)))
	names.Insert(ast.InternedTerm("registries"), ast.NewTerm(stringArray(s.Registries)))
	dta, err := valueOf(reflect.ValueOf(&in.DTA).Elem())
	if err != nil {
		return nil, err
	}
	context, err := valueOf(reflect.ValueOf(&in.Context).Elem())
	if err != nil {
		return nil, err
	}
	return ast.NewObject(
		[2]*ast.Term{ast.InternedTerm("now"), timeTerm(now)},
		[2]*ast.Term{ast.InternedTerm("image"), ast.NewTerm(names)},
		[2]*ast.Term{ast.InternedTerm("dta"), ast.NewTerm(dta)},
		[2]*ast.Term{ast.InternedTerm("context"), ast.NewTerm(context)},
	), nil
}

func timeTerm(t time.Time) *ast.Term {
	return ast.StringTerm(t.UTC().Format(time.RFC3339Nano))
}

func stringArray(all []string) *ast.Array {
	terms := make([]*ast.Term, len(all))
	for i, s := range all {
		terms[i] = ast.StringTerm(s)
	}
	return ast.NewArray(terms...)
}

// member is one field of a struct as encoding/json names it.
type member struct {
	index     int
	name      *ast.Term
	omitEmpty bool
	omitZero  bool
}

var members sync.Map // reflect.Type → []member

func membersOf(t reflect.Type) []member {
	if known, ok := members.Load(t); ok {
		return known.([]member)
	}
	var all []member
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		all = append(all, member{
			index:     i,
			name:      ast.InternedTerm(name),
			omitEmpty: strings.Contains(options, "omitempty"),
			omitZero:  strings.Contains(options, "omitzero"),
		})
	}
	members.Store(t, all)
	return all
}

var timeType = reflect.TypeFor[time.Time]()

// valueOf converts the plain data that facts are made of: structs with json
// tags, maps by string, slices, strings, numbers, booleans, times. Lists and
// maps that are nil become empty, so that rules need not ask.
func valueOf(v reflect.Value) (ast.Value, error) {
	switch v.Kind() {
	case reflect.String:
		return ast.String(strings.ToValidUTF8(v.String(), "\ufffd")), nil
	case reflect.Bool:
		return ast.Boolean(v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return ast.IntNumberTerm(int(v.Int())).Value, nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return ast.IntNumberTerm(int(v.Uint())).Value, nil
	case reflect.Float64, reflect.Float32:
		return ast.FloatNumberTerm(v.Float()).Value, nil
	case reflect.Pointer:
		if v.IsNil() {
			return ast.NullValue, nil
		}
		return valueOf(v.Elem())
	case reflect.Slice:
		terms := make([]*ast.Term, v.Len())
		for i := range terms {
			element, err := valueOf(v.Index(i))
			if err != nil {
				return nil, err
			}
			terms[i] = ast.NewTerm(element)
		}
		return ast.NewArray(terms...), nil
	case reflect.Map:
		pairs := make([][2]*ast.Term, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			element, err := valueOf(it.Value())
			if err != nil {
				return nil, err
			}
			key := strings.ToValidUTF8(it.Key().String(), "\ufffd")
			pairs = append(pairs, [2]*ast.Term{ast.StringTerm(key), ast.NewTerm(element)})
		}
		return ast.NewObject(pairs...), nil
	case reflect.Struct:
		if v.Type() == timeType {
			return timeTerm(v.Interface().(time.Time)).Value, nil
		}
		return structValue(v)
	}
	return nil, fmt.Errorf("a fact of type %s cannot be given to rules", v.Type())
}

func structValue(v reflect.Value) (ast.Value, error) {
	all := membersOf(v.Type())
	pairs := make([][2]*ast.Term, 0, len(all))
	for _, m := range all {
		field := v.Field(m.index)
		if (m.omitEmpty || m.omitZero) && field.IsZero() {
			continue
		}
		element, err := valueOf(field)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, [2]*ast.Term{m.name, ast.NewTerm(element)})
	}
	return ast.NewObject(pairs...), nil
}
