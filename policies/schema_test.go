package policies

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

	"github.com/sallyport-dev/sallyport/policies/schema"
)

var update = flag.Bool("update", false, "write the schema of the facts document anew")

// The published schema is what the Go types say, with their comments as descriptions.
func TestInputSchemaIsThatOfTheTypes(t *testing.T) {
	comments := commentsOf(t)
	root := schemaOf(reflect.TypeFor[Input](), comments)
	properties := root["properties"].(object)
	image := properties["image"].(object)["properties"].(object)
	names := func(what string) object {
		return object{"type": "array", "items": object{"type": "string"}, "description": what}
	}
	image["names"] = names("repository:tag without the registry, once for every tag; Docker Hub's official images with and without library/")
	image["repositories"] = names("repository without the registry, in all spellings")
	image["registries"] = names("host of the registry, and the name it is configured under")
	image["runs_as_root"] = object{"type": "boolean", "description": "the image's processes begin as root"}
	base := image["base_images"].(object)["properties"].(object)["items"].(object)["items"].(object)["properties"].(object)
	for _, name := range []string{"names", "repositories", "registries"} {
		base[name] = image[name]
	}
	pkg := properties["packages"].(object)["properties"].(object)["items"].(object)["items"].(object)["properties"].(object)
	pkg["full_version"] = object{"type": "string", "description": "epoch:version-release, as the package manager writes it"}
	pkg["version_kind"] = object{"type": "string", "description": "whose order the version follows: deb, rpm, apk, other"}
	pkg["version_key"] = object{"type": "string", "description": "compares with keys of the same kind as the versions do"}
	properties["vulnerabilities"].(object)["properties"].(object)["by_id"] = object{
		"type": "object", "description": "what is known of each identifier, over all packages", "additionalProperties": schemaOf(reflect.TypeFor[reduced](), comments),
	}
	sums := schemaOf(reflect.TypeFor[summary](), comments)
	sums["description"] = "what rules mostly ask of the lists, worked out once"
	properties["summary"] = sums
	root["$schema"] = "http://json-schema.org/draft-07/schema"
	root["title"] = "Facts document"
	root["description"] = "What is known of an image when it is judged: input in every Rego package."
	root["examples"] = []any{sample(t)}

	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema/input.schema.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want.Bytes(), schema.Input) {
		t.Error("policies/schema/input.schema.json is not what the types say: go test ./policies -run Schema -update")
	}
}

// An editor shows the description of a field where an author writes its name.
func TestEveryFieldIsDescribed(t *testing.T) {
	for name, raw := range map[string][]byte{"assurance-policy.schema.json": schema.Policy, "input.schema.json": schema.Input} {
		var root object
		if err := json.Unmarshal(raw, &root); err != nil {
			t.Fatal(err)
		}
		if fields := undescribed(root, ""); len(fields) > 0 {
			t.Errorf("%s does not say what these are: %s", name, strings.Join(fields, ", "))
		}
	}
}

// undescribed lists the fields without a description, by their paths.
func undescribed(node object, path string) []string {
	var missing []string
	properties, _ := node["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		field := properties[name].(object)
		if text, _ := field["description"].(string); text == "" && field["$ref"] == nil {
			missing = append(missing, path+name)
		}
		missing = append(missing, undescribed(field, path+name+".")...)
	}
	definitions, _ := node["$defs"].(object)
	for name, d := range definitions {
		missing = append(missing, undescribed(d.(object), name+".")...)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := node[key].(object); ok {
			missing = append(missing, undescribed(below, path+"*.")...)
		}
	}
	return missing
}

// What is given to rules is what the schema says.
func TestFactsFitTheirSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Input))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("input.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("input.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]Input{"nothing known": {}, "much known": *sampleInput()} {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(instance); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type object = map[string]any

// schemaOf describes a Go type.
func schemaOf(typ reflect.Type, comments map[string]string) object {
	switch typ.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(typ.Elem(), comments)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(typ.Elem(), comments)}
	}
	if typ == reflect.TypeFor[time.Time]() {
		return object{"type": "string", "format": "date-time"}
	}
	properties := object{}
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		property := schemaOf(f.Type, comments)
		owner := typ
		if len(f.Index) > 1 {
			owner = typ.Field(f.Index[0]).Type
		}
		if text := comments[owner.Name()+"."+f.Name]; text != "" {
			property["description"] = text
		}
		properties[name] = property
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// commentsOf reads what the source says beside the fields.
func commentsOf(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range fields.Fields.List {
					for _, id := range field.Names {
						comments[spec.Name.Name+"."+id.Name] = strings.TrimSpace(field.Comment.Text())
					}
				}
			}
			return true
		})
	}
	return comments
}

func sample(t *testing.T) any {
	t.Helper()
	b, err := json.Marshal(sampleInput())
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
