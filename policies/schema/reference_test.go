package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies/schema"
)

var update = flag.Bool("update", false, "write the reference pages anew")

// The manual's reference pages, and the example that editors evaluate rules
// with, are written from the schemas and from nothing else.
func TestReferencePagesAreThoseOfTheSchemas(t *testing.T) {
	policy, facts := read(t, schema.Policy), read(t, schema.Input)
	for file, want := range map[string]string{
		"../../docs/reference/policy-document.md": policyPage(policy),
		"../../docs/reference/facts-document.md":  factsPage(facts),
		"../../examples/policies/input.json":      indented(t, facts.Examples[0]),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the schema says: go test ./policies/schema -update", strings.TrimPrefix(file, "../../"))
		}
	}
}

const generated = "<!-- Written from the schema by: go test ./policies/schema -update -->\n\n"

func policyPage(root node) string {
	var b strings.Builder
	b.WriteString("# The policy document\n\n" + generated)
	fmt.Fprintf(&b, "%s Validate with `sallyport policy check FILE…`, or in an editor with\n[assurance-policy.schema.json](../../policies/schema/assurance-policy.schema.json). The guide is [policies.md](../policies.md).\n", root.Description)
	var groups []string
	for _, p := range root.Properties {
		if !slices.Contains(groups, p.Group) {
			groups = append(groups, p.Group)
		}
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g)
		table(&b, slices.DeleteFunc(slices.Clone(root.Properties), func(p property) bool { return p.Group != g }), "")
	}
	return b.String()
}

func factsPage(root node) string {
	var b strings.Builder
	b.WriteString("# The facts document\n\n" + generated)
	fmt.Fprintf(&b, "%s In full, with an example:\n[input.schema.json](../../policies/schema/input.schema.json); the example alone, as editors look for it: [input.json](../../examples/policies/input.json).\n", root.Description)
	for _, p := range root.Properties {
		fmt.Fprintf(&b, "\n## %s\n\n", p.Name)
		if p.Description != "" {
			fmt.Fprintf(&b, "%s\n\n", stop(p.Description))
		}
		if len(p.Properties) == 0 {
			fmt.Fprintf(&b, "Type: %s.\n", p.kind())
			continue
		}
		table(&b, p.Properties, "")
	}
	return b.String()
}

// table writes fields, and those below them by their paths.
func table(b *strings.Builder, fields []property, prefix string) {
	if prefix == "" {
		b.WriteString("| field | type | meaning |\n| --- | --- | --- |\n")
	}
	for _, f := range fields {
		meaning := f.Description
		if values := f.values(); values != "" {
			meaning = stop(meaning) + " One of " + values + "."
		}
		if len(f.Default) > 0 {
			meaning = stop(meaning) + " Default `" + strings.Join(strings.Fields(string(f.Default)), "") + "`."
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, f.Name, f.kind(), strings.ReplaceAll(strings.TrimSpace(meaning), "|", "\\|"))
		below := f.Properties
		inner := prefix + f.Name + "."
		if f.Items != nil && len(f.Items.Properties) > 0 {
			below, inner = f.Items.Properties, prefix+f.Name+"[]."
		}
		if f.Values != nil && len(f.Values.Properties) > 0 {
			below, inner = f.Values.Properties, prefix+f.Name+".*."
		}
		if len(below) > 0 {
			table(b, below, inner)
		}
	}
}

func stop(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// node is the part of JSON Schema that the two schemas use.
type node struct {
	Description string            `json:"description"`
	Type        any               `json:"type"`
	Enum        []any             `json:"enum"`
	Default     json.RawMessage   `json:"default"`
	Examples    []json.RawMessage `json:"examples"`
	Group       string            `json:"x-group"`
	Properties  properties        `json:"properties"`
	Items       *node             `json:"items"`
	Values      *node             `json:"additionalProperties"`
}

// UnmarshalJSON also reads the schema "false", which allows nothing.
func (n *node) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	type plain node
	return json.Unmarshal(b, (*plain)(n))
}

type property struct {
	node
	Name string
}

// properties keep the order of the schema.
type properties []property

func (p *properties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		next := property{Name: name.(string)}
		if err := d.Decode(&next.node); err != nil {
			return err
		}
		*p = append(*p, next)
	}
	return nil
}

// kind is the type in a word or two; null may stand for everything.
func (n node) kind() string {
	var types []string
	switch t := n.Type.(type) {
	case string:
		types = []string{t}
	case []any:
		for _, one := range t {
			if one != "null" {
				types = append(types, one.(string))
			}
		}
	default:
		return "any"
	}
	kind := strings.Join(types, " or ")
	if n.Items != nil && kind == "array" {
		return "array of " + n.Items.kind()
	}
	return kind
}

func (n node) values() string {
	var all []string
	for _, v := range n.Enum {
		if s, ok := v.(string); ok && s != "" {
			all = append(all, "`"+s+"`")
		}
	}
	return strings.Join(all, ", ")
}

func read(t *testing.T, raw []byte) node {
	t.Helper()
	var root node
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

func indented(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}
