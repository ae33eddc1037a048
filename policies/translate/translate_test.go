package translate_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
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
	alone, together := map[string]bool{}, []string{}
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
			switch controls := slices.DeleteFunc(slices.Clone(p.Controls), func(c string) bool { return c == "partial_results" }); len(controls) {
			case 0:
			case 1:
				alone[controls[0]] = true
			default:
				together = append(together, controls...)
			}
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
	for _, control := range together {
		if !alone[control] {
			t.Errorf("no golden package shows %s alone", control)
		}
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
	// As a Set compiles it, with the built-ins that generated packages need and no others.
	lean, err := engine.Compile(engine.Source{Modules: map[string]string{p.File: p.Rego}, Lean: true})
	if err != nil {
		t.Fatalf("lean: %v\n%s", err, p.Rego)
	}
	if len(p.Sets) > 0 {
		if _, err := lean.Prepare(p.Query(p.Path)); err != nil {
			t.Errorf("lean: %v", err)
		}
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

func TestFaultsOfDocuments(t *testing.T) {
	for name, c := range map[string][2]string{
		"an excuse from a control that there is not": {"sallyport: {exempt: [{image: x, control: root-user, reason: r, author: a}]}", `sallyport.exempt[0]: no control is called "root-user"; there are allowed_images, dta,`},
		"half a range of scores":                     {"vulnerability_score_range: [4]", "vulnerability_score_range: write the lowest and the highest score, as [4, 10]"},
		"a range of scores the wrong way round":      {"vulnerability_score_range: [9, 4]", "vulnerability_score_range: the lowest score comes first: [4, 9]"},
		"a range of the aggregated control":          {"aggregated_vulnerability: {enabled: true, score_range: [9, 4]}", "aggregated_vulnerability.score_range: the lowest"},
		"a range of versions":                        {"packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"1 || 2\"}]", "control blacklisted_packages: package 1 (x 1 || 2)"},
		"an empty package":                           {"packages_white_list_enabled: true\npackages_white_list: [{}]", "control required_packages: package 1 is empty"},
		"a label without a key":                      {"required_labels_enabled: true\nrequired_labels: [{value: x}]", "control required_labels: label 1 has no key"},
		"an allowed image without a name":            {"allowed_images: [{whitelisted: true}]", "allowed_images[0] names no image"},
		"a denied image without a name":              {"allowed_images: [{blacklisted: true}]", "names no image"},
		"a base image without a name":                {"trusted_base_images_enabled: true\ntrusted_base_images: [{author: x}]", "names no image"},
	} {
		d, err := document.Parse("x", []byte("name: x\n"+c[0]))
		if err == nil {
			_, err = translate.Document(d)
		}
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %s", name, err, c[1])
		}
	}
}
