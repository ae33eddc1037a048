package observation_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

var update = flag.Bool("update", false, "write schema.json from the types")

// TestSchemaIsThatOfTheTypes makes the schema again, descriptions from the
// comments of the fields.
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	g := &generator{defs: map[string]any{}, comments: comments(t, ".", "../event", "../scan", "../../image")}
	root := g.object(reflect.TypeFor[observation.Observation]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://sallyport.dev/schemas/observation.v1.json"
	root["title"] = "Observation of one run of an image"
	root["$defs"] = g.defs
	want, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, observation.Schema()) {
		t.Error("schema.json is not that of the types: 'go test ./sandbox/observation -run Schema -update' writes it")
	}
}

// TestObservationsAreValid: what a Builder makes, and what was recorded of the
// samples, is as the schema says.
func TestObservationsAreValid(t *testing.T) {
	schema, lenient := compile(t, false), compile(t, true)
	valid := func(name string, schema *jsonschema.Schema, b []byte) {
		t.Helper()
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err == nil {
			err = schema.Validate(doc)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := play(t)
	s.start("/bin/sh", "/entrypoint.sh")
	s.spawn(1, 2, "/bin/date")
	b, err := json.Marshal(s.b.Build())
	if err != nil {
		t.Fatal(err)
	}
	valid("a small one", schema, b)
	small := b
	list, err := filepath.Glob("../behaviours/testdata/observations/*.json")
	if err != nil || len(list) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range list {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// An older one may lack what is told since.
		valid(filepath.Base(file), lenient, b)
	}
	for name, doc := range map[string]string{
		"nothing":             `{}`,
		"a list of processes": string(bytes.Replace(small, []byte(`"processes":{`), []byte(`"processes":[{`), 1)),
		"a word as number":    strings.Replace(string(small), `"events_total":`, `"events_total":"x","was":`, 1),
	} {
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err == nil && schema.Validate(parsed) == nil {
			t.Errorf("%s is valid", name)
		}
	}
}

func compile(t *testing.T, lenient bool) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(observation.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	if lenient {
		root := doc.(map[string]any)
		delete(root, "required")
		for _, def := range root["$defs"].(map[string]any) {
			delete(def.(map[string]any), "required")
		}
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("observation.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("observation.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// generator turns types into a schema.
type generator struct {
	defs     map[string]any
	comments map[string]string // by type, or type and field
}

func (g *generator) of(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "integer"}
	}
	if t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.nullable(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": g.nullable(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.Struct:
		name := filepath.Base(t.PkgPath()) + "." + t.Name()
		if g.defs[name] == nil {
			g.defs[name] = true // for types that hold themselves
			g.defs[name] = g.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	}
	panic("no schema for " + t.String())
}

// nullable: an element of a list may be null where the type has a pointer.
func (g *generator) nullable(t reflect.Type) map[string]any {
	if t.Kind() == reflect.Pointer {
		return map[string]any{"anyOf": []any{g.of(t), map[string]any{"type": "null"}}}
	}
	return g.of(t)
}

func (g *generator) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	g.fields(t, properties, &required)
	slices.Sort(required)
	o := map[string]any{"type": "object", "properties": properties, "required": required}
	if text := g.comments[t.Name()]; text != "" {
		o["description"] = text
	}
	return o
}

func (g *generator) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range slices.Values(reflect.VisibleFields(t)) {
		if len(f.Index) > 1 || !f.IsExported() {
			continue
		}
		if f.Anonymous {
			g.fields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		p := maps.Clone(g.of(f.Type))
		if text := g.comments[t.Name()+"."+f.Name]; text != "" {
			p["description"] = text
		}
		properties[name] = p
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
}

// comments reads what the source says of types and fields.
func comments(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				d, ok := n.(*ast.GenDecl)
				if !ok || d.Tok != token.TYPE {
					return true
				}
				for _, s := range d.Specs {
					spec := s.(*ast.TypeSpec)
					text := cmpText(spec.Doc, d.Doc)
					if text != "" && all[spec.Name.Name] == "" {
						all[spec.Name.Name] = text
					}
					fields, ok := spec.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, f := range fields.Fields.List {
						for _, name := range f.Names {
							if text := cmpText(f.Doc, f.Comment); text != "" {
								all[spec.Name.Name+"."+name.Name] = text
							}
						}
					}
				}
				return true
			})
		}
	}
	return all
}

func cmpText(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}
