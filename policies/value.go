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
	"github.com/sallyport-dev/sallyport/policies/version"
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
	image, err := in.Image.value(s)
	if err != nil {
		return nil, err
	}
	doc := ast.NewObject(
		[2]*ast.Term{ast.InternedTerm("now"), timeTerm(now)},
		[2]*ast.Term{ast.InternedTerm("image"), ast.NewTerm(image)},
	)
	for _, part := range []struct {
		name  string
		value any
	}{
		{"dta", &in.DTA}, {"context", &in.Context}, {"malware", &in.Malware}, {"secrets", &in.Secrets},
		{"packages", &in.Packages}, {"vulnerabilities", &in.Vulnerabilities}, {"summary", new(in.summary())},
	} {
		value, err := valueOf(reflect.ValueOf(part.value).Elem())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		doc.Insert(ast.InternedTerm(part.name), ast.NewTerm(value))
	}
	byID, err := valueOf(reflect.ValueOf(in.Vulnerabilities.byID()))
	if err != nil {
		return nil, err
	}
	insert(doc, "vulnerabilities", "by_id", byID)
	addVersions(doc.Get(ast.InternedTerm("packages")).Value.(ast.Object), in.Packages.Items)
	return doc, nil
}

// insert puts a value into the object that stands under part.
func insert(doc ast.Object, part, name string, value ast.Value) {
	doc.Get(ast.InternedTerm(part)).Value.(ast.Object).Insert(ast.InternedTerm(name), ast.NewTerm(value))
}

// value is the image with what is made from its names.
func (i *Image) value(s *scope.Subject) (ast.Object, error) {
	v, err := valueOf(reflect.ValueOf(i).Elem())
	if err != nil {
		return nil, err
	}
	image := v.(ast.Object)
	image.Insert(ast.InternedTerm("names"), ast.NewTerm(stringArray(s.Names)))
	image.Insert(ast.InternedTerm("repositories"), ast.NewTerm(stringArray(s.Repositories)))
	image.Insert(ast.InternedTerm("registries"), ast.NewTerm(stringArray(s.Registries)))
	image.Insert(ast.InternedTerm("runs_as_root"), ast.NewTerm(ast.Boolean(i.RunsAsRoot())))
	bases := image.Get(ast.InternedTerm("base_images")).Value.(ast.Object).Get(ast.InternedTerm("items")).Value.(*ast.Array)
	for n, base := range i.BaseImages.Items {
		named := Image{Registry: base.Registry, Repository: base.Repository, Digest: base.Digest}
		if base.Tag != "" {
			named.Tags = []string{base.Tag}
		}
		item := bases.Elem(n).Value.(ast.Object)
		item.Insert(ast.InternedTerm("names"), ast.NewTerm(stringArray(named.Names())))
		item.Insert(ast.InternedTerm("repositories"), ast.NewTerm(stringArray(named.Repositories())))
		item.Insert(ast.InternedTerm("registries"), ast.NewTerm(stringArray(named.Registries())))
	}
	return image, nil
}

// addVersions gives each package its whole version, and the key by which Rego
// can compare it.
func addVersions(packages ast.Object, items []Package) {
	array := packages.Get(ast.InternedTerm("items")).Value.(*ast.Array)
	for n := range items {
		p := &items[n]
		kind, full := version.KindOf(p.Format), version.Join(p.Epoch, p.Version, p.Release)
		item := array.Elem(n).Value.(ast.Object)
		item.Insert(ast.InternedTerm("full_version"), ast.StringTerm(full))
		item.Insert(ast.InternedTerm("version_kind"), ast.InternedTerm(string(kind)))
		item.Insert(ast.InternedTerm("version_key"), ast.NewTerm(keyValue(version.Of(kind, full))))
	}
}

func keyValue(k version.Key) ast.Value {
	terms := make([]*ast.Term, len(k))
	for i, e := range k {
		switch e := e.(type) {
		case json.Number:
			terms[i] = ast.NumberTerm(e)
		case string:
			terms[i] = ast.StringTerm(e)
		case version.Key:
			terms[i] = ast.NewTerm(keyValue(e))
		}
	}
	return ast.NewArray(terms...)
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
	index     []int
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
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue // also an embedded struct, whose fields follow
		}
		all = append(all, member{
			index:     f.Index,
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
		field := v.FieldByIndex(m.index)
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
