package translate_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/schema"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every document under testdata is translated to the package beside it, which
// is formatted, strict, and answers its query.
func TestGoldenPackages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := document.Parse(file, text)
			if err != nil {
				t.Fatal(err)
			}
			p, err := translate.Document(d)
			if err != nil {
				t.Fatal(err)
			}
			checkPackage(t, p)
			golden := strings.TrimSuffix(file, ".yaml") + ".rego"
			if *update {
				if err := os.WriteFile(golden, []byte(p.Rego), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != p.Rego {
				t.Errorf("%s differs (go test -update writes it anew):\n%s", golden, p.Rego)
			}
		})
	}
}

// Names and descriptions cannot break out of where they are written.
func TestTextOfPeopleStaysText(t *testing.T) {
	for _, text := range []string{"plain", "two\nlines\ndeny contains 1", "a: b # c", "\"quoted\"", "`raw`", "%s %d", "tab\tand\u2028break\u0085", "ünï→🙂", "<&>", "\x00\x1b[31m"} {
		d := document.New("x")
		d.Description = text
		d.DTAEnabled = true
		d.DTASeverity = "low"
		d.Sallyport = &document.Extension{Message: text}
		p, err := translate.Document(d)
		if err != nil {
			t.Fatal(err)
		}
		checkPackage(t, p)
		module, err := ast.ParseModuleWithOpts("x.rego", p.Rego, ast.ParserOptions{ProcessAnnotation: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := module.Annotations[0].Description; got != text {
			t.Errorf("description %q reads as %q", text, got)
		}
	}
}

func TestNamesOfPackages(t *testing.T) {
	for name, want := range map[string]string{"Default": "data.assurance.Default", "a_b": "data.assurance.a_b", "a-b": `data.assurance["a-b"]`, "1st": `data.assurance["1st"]`, "default": `data.assurance["default"]`, "in": `data.assurance["in"]`, "data": "data.assurance.data", "input": "data.assurance.input"} {
		p, err := translate.Document(document.New(name))
		if err != nil {
			t.Fatal(err)
		}
		if p.Path != want {
			t.Errorf("%s has path %s, want %s", name, p.Path, want)
		}
		checkPackage(t, p)
	}
}

func checkPackage(t *testing.T, p translate.Package) {
	t.Helper()
	formatted, err := format.Source(p.File, []byte(p.Rego))
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Rego)
	}
	if string(formatted) != p.Rego {
		t.Errorf("not formatted, first at:\n%s", firstDifference(string(formatted), p.Rego))
	}
	module, err := ast.ParseModuleWithOpts(p.File, p.Rego, ast.ParserOptions{ProcessAnnotation: true})
	if err != nil {
		t.Fatal(err)
	}
	compiler := ast.NewCompiler().WithStrict(true)
	if compiler.Compile(map[string]*ast.Module{p.File: module}); compiler.Failed() {
		t.Fatalf("%v\n%s", compiler.Errors, p.Rego)
	}
	if _, err := engine.Compile(engine.Source{Modules: map[string]string{p.File: p.Rego}, Schema: schema.Input}); err != nil {
		t.Errorf("by the schema of the facts: %v\n%s", err, p.Rego)
	}
	query := p.Query(p.Path)
	if query == "" {
		query = "rules := " + p.Path
	}
	results, err := rego.New(rego.Query(query), rego.Compiler(compiler), rego.Input(map[string]any{})).Eval(context.Background())
	if err != nil || len(results) != 1 {
		t.Errorf("%s gives %v, %v", query, results, err)
	}
}

// firstDifference shows the lines around the first one in which two texts differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			return "got\n" + strings.Join(g[max(0, i-3):min(len(g), i+4)], "\n") + "\nwant\n" + strings.Join(w[max(0, min(i, len(w))-3):min(len(w), i+4)], "\n")
		}
	}
	return "the end is missing"
}
