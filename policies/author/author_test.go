package author_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/policies/engine"
)

// folder makes files, and works in their folder.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	payments = "name: payments\nscope: image.repo.pay/*\nonly_none_root_users: true\n"
	checked  = payments + "custom_checks_enabled: true\ncustom_checks:\n- {name: ours, path: ours.rego}\n"
	ours     = "package ours\n\ndeny contains \"not ours\" if not input.image.registry in data.registries\n"
)

func read(t *testing.T) *author.Sources {
	t.Helper()
	s, err := author.Read([]string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadsAFolderAsTheGateDoes(t *testing.T) {
	folder(t, map[string]string{
		"payments.yaml": payments, "more/all.json": `[{"name":"a"},{"name":"b"}]`, "ours.rego": ours, "ours_test.rego": "package ours_test\n",
		"data.yaml": "registries: [a]\nteams: {x: 1}\n", "more/data.json": `{"teams":{"y":2},"registries":["a"]}`, "input.json": "not read", "README.md": "not read",
		".hidden/bad.yaml": "{", "..data/bad.rego": "not Rego",
	})
	s := read(t)
	if got := s.Names(); !slices.Equal(got, []string{"a", "b", "payments"}) {
		t.Errorf("policies %v", got)
	}
	if len(s.Modules) != 2 || s.Modules[0].Path != "ours.rego" || !s.Modules[1].Test() {
		t.Errorf("modules %+v", s.Modules)
	}
	want := map[string]any{
		"registries": []any{"a"}, "teams": map[string]any{"x": 1.0},
		"more": map[string]any{"registries": []any{"a"}, "teams": map[string]any{"y": 2.0}},
	}
	if !reflect.DeepEqual(s.Data, want) {
		t.Errorf("data %v", s.Data)
	}
}

// A custom check finds its data where the gate puts them, wherever the folder
// of its policy lies.
func TestDataOfChecksStandBelowTheFolderOfTheirPolicy(t *testing.T) {
	folder(t, map[string]string{
		"team/p.yaml":                payments + "custom_checks_enabled: true\ncustom_checks:\n- {name: ours, path: checks/ours}\n",
		"team/checks/ours/c.rego":    "package ours\n\ndeny contains \"x\" if input.image.registry in data.checks.ours.denied\n",
		"team/checks/ours/data.yaml": "denied: [a.test]\n",
	})
	if got := read(t).Data["checks"]; !reflect.DeepEqual(got, map[string]any{"ours": map[string]any{"denied": []any{"a.test"}}}) {
		t.Errorf("data.checks is %v", got)
	}
}

// Every fault is named, with its file and line.
func TestCheckNamesEveryFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string // the beginnings of all faults
	}{
		{"two documents", map[string]string{"a.yaml": "name: a\nenabled: 7\ndta_severity: worst\n", "b.json": "{\n\"name\": \"../b\"\n}"},
			[]string{"a.yaml:2: enabled: is a number", "a.yaml:3: dta_severity: ", "b.json:2: name: "}},
		{"the same name twice", map[string]string{"a.yaml": payments, "b.yaml": payments}, []string{`b.yaml: policy "payments" stands in a.yaml too`}},
		{"scope", map[string]string{"a.yaml": "name: a\nscope: image.colour.red\n"}, []string{"a.yaml:2: scope: "}},
		{"not YAML", map[string]string{"a.yaml": "a: [\n"}, []string{"a.yaml:"}},
		{"a check that is not there", map[string]string{"p.yaml": checked}, []string{"ours.rego: no such file"}},
		{"a check that says nothing", map[string]string{"p.yaml": checked, "ours.rego": "package ours\n\nallow if true\n"},
			[]string{`p.yaml: policy "payments": custom check "ours": defines none of the sets`}},
		{"broken Rego", map[string]string{"x.rego": "package x\n\ndeny contains if\n"}, []string{"x.rego:3: rego_parse_error: ", "x.rego:4: rego_parse_error: "}},
		{"two files of broken Rego", map[string]string{"x.rego": "package x\n\ndeny contains if\n", "y.rego": "package y\n\nallow {\n"}, []string{"x.rego:", "y.rego:4: "}},
		{"a misspelt field", map[string]string{"p.yaml": checked, "ours.rego": "package ours\n\ndeny contains \"x\" if input.image.usr == \"\"\n\nwarn contains \"y\" if input.imag\n"},
			[]string{"ours.rego:3: rego_type_error: undefined ref: input.image.usr", "ours.rego:5: rego_type_error: undefined ref: input.imag"}},
		{"a misspelt field in a file that no policy names", map[string]string{"lib/x.rego": "package x\n\nf(x) := input.image.usr == x\n"}, []string{"lib/x.rego:3: rego_type_error: "}},
		{"a function that reaches outside", map[string]string{"x.rego": "package x\n\ndeny contains \"x\" if http.send({}).body\n"}, []string{"x.rego:3: rego_type_error: undefined function http.send"}},
		{"an unused variable in a test", map[string]string{"x_test.rego": "package x\n\ntest_a if {\n\ty := 1\n}\n"}, []string{"x_test.rego:4: rego_compile_error: assigned var y unused"}},
		{"a snippet", map[string]string{"p.yaml": payments + "custom_checks_enabled: true\ncustom_checks:\n- name: tag\n  snippet: |\n    deny contains \"x\" if {\n      input.image.tag\n    }\n"},
			[]string{"p.yaml#tag.rego:2: rego_type_error: "}},
		{"data that contradicts", map[string]string{"data.json": `{"x":{"b":1}}`, "x/data.yaml": "b: 2"}, []string{"x/data.yaml: data.x.b is something else in data.json"}},
		{"data that is a list", map[string]string{"data.json": `[]`}, []string{"data.json: holds no object"}},
		{"data in the place of a package", map[string]string{"data.json": `{"x":{"deny":1}}`, "x.rego": "package x\n\ndeny contains \"x\" if input.image.user == \"\"\n"}, []string{"x.rego:"}},
		{"versions", map[string]string{"a.yaml": "name: a\npackages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">>1\"}]\n"}, []string{"a.yaml: policy \"a\": control blacklisted_packages"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder(t, c.files)
			s, faults := author.Read([]string{"."}, nil)
			r, err := author.Check(t.Context(), []string{"."}, s, faults)
			if err != nil {
				t.Fatal(err)
			}
			begins := func(text string) func(string) bool {
				return func(want string) bool { return strings.HasPrefix(text, want) }
			}
			for _, e := range r.Errors {
				if !slices.ContainsFunc(c.want, begins(e.Error())) {
					t.Errorf("%s, want one of %q", e, c.want)
				}
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(r.Errors, func(e author.Fault) bool { return begins(e.Error())(want) }) {
					t.Errorf("%v, want %s…", r.Errors, want)
				}
			}
		})
	}
}

func TestCheckOfWhatIsWell(t *testing.T) {
	folder(t, map[string]string{"p.yaml": checked + "colour: red\n", "ours.rego": ours, "ours_test.rego": "package ours_test\n\ntest_a if data.ours\n"})
	s := read(t)
	r, err := author.Check(t.Context(), []string{"."}, s, nil)
	if err != nil || len(r.Errors) > 0 || len(r.Policies) != 1 || len(r.Policies[0].Warnings) != 1 || !slices.Equal(r.Rego, []string{"ours.rego", "ours_test.rego"}) {
		t.Errorf("%+v, %v", r, err)
	}
	folder(t, nil)
	if _, err := author.Check(t.Context(), []string{"."}, read(t), nil); !errors.Is(err, author.ErrNothing) {
		t.Errorf("an empty folder: %v", err)
	}
}

func suite(t *testing.T, o author.SuiteOptions) map[string]*tester.Result {
	t.Helper()
	s, err := author.NewSuite(t.Context(), read(t), o)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]*tester.Result{}
	if err := s.Run(t.Context(), func(r *tester.Result) { results[r.Name] = r }); err != nil {
		t.Fatal(err)
	}
	return results
}

func TestTestsSeePoliciesChecksAndData(t *testing.T) {
	folder(t, map[string]string{
		"p.yaml": checked + "- {name: tag, snippet: 'deny contains \"latest\" if \"latest\" in input.image.tags'}\n", "ours.rego": ours, "data.yaml": "registries: [registry.test]\n",
		"p_test.rego": `package p_test

import data.assurance.payments

root := {"image": {"repositories": ["pay/api"], "registry": "registry.test", "tags": ["latest"], "runs_as_root": true, "user": "root"}}

test_in_scope if payments.in_scope with input as root

test_root if {
	some d in payments.deny with input as root
	d.control == "root_user"
	d.facts.user == "root"
}

test_ours if count(data.ours.deny) == 0 with input as root

test_snippet if data.custom.payments.check2.deny == {"latest"} with input as root

test_wrong if {
	want := 7
	count(payments.deny) == want with input as root
}

test_cases[note] if {
	some note, n in {"one": 1, "two": 2}
	n == 1
}

test_twice if true

test_twice if false

todo_test_later if false

test_error if to_number("x") == 1
`,
	})
	got := suite(t, author.SuiteOptions{Explain: true})
	for name, want := range map[string]string{
		"test_in_scope": "PASS", "test_root": "PASS", "test_ours": "PASS", "test_snippet": "PASS", "test_wrong": "FAIL", "test_cases": "FAIL",
		"test_twice": "PASS", "test_twice#01": "FAIL", "todo_test_later": "SKIPPED", "test_error": "ERROR",
	} {
		if r := got[name]; r == nil || !strings.Contains(r.String(), ": "+want) {
			t.Errorf("%s: %v, want %s", name, r, want)
		}
	}
	if len(got) != 10 {
		t.Errorf("%d results", len(got))
	}
	if len(got["test_wrong"].Trace) == 0 {
		t.Error("nothing tells where test_wrong failed")
	}
	if only := suite(t, author.SuiteOptions{Run: `p_test\.test_(root|ours)$`}); len(only) != 2 {
		t.Errorf("chosen %v", only)
	}
}

// What never ends, or never stops growing, is stopped and named; others run on.
func TestHostileTests(t *testing.T) {
	folder(t, map[string]string{"x_test.rego": `package x

test_1_loop if {
	n := numbers.range(1, 5000)
	some i in n
	some j in n
	some k in n
	i + j + k < 0
}

test_2_range if count(numbers.range(1, 1000000000)) < 0

test_3_growing if {
	s := concat(",", [sprintf("%0100000d", [i]) | some i in numbers.range(1, 100000)])
	count(s) < 0
}

test_4_good if true
`})
	start := time.Now()
	got := suite(t, author.SuiteOptions{Explain: true, Bounds: engine.Bounds{Time: time.Second, Memory: 128 << 20}})
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("stopped after %v", took)
	}
	for _, name := range []string{"test_1_loop", "test_2_range", "test_3_growing"} {
		if r := got[name]; r == nil || r.Error == nil || !strings.Contains(r.Error.Error(), "stopped: took ") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := got["test_4_good"]; r == nil || !r.Pass() {
		t.Errorf("the test after them: %+v", r)
	}
}

func TestSuitesThatCannotRun(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		run   string
		want  string
	}{
		"no test":          {map[string]string{"p.yaml": payments}, "", "no test found"},
		"none is chosen":   {map[string]string{"x_test.rego": "package x\n\ntest_a if true\n"}, "nothing", "of 1 tests none matches"},
		"a bad expression": {map[string]string{"x_test.rego": "package x\n\ntest_a if true\n"}, "(", "which tests to run"},
		"does not compile": {map[string]string{"x_test.rego": "package x\n\ntest_a if y\n"}, "", "x_test.rego:3: rego_unsafe_var_error"},
		"network":          {map[string]string{"x_test.rego": "package x\n\ntest_a if http.send({})\n"}, "", "x_test.rego:3: rego_type_error: undefined function http.send"},
		"bad versions":     {map[string]string{"a.yaml": "name: a\npackages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">>1\"}]\n"}, "", `a.yaml: policy "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			folder(t, c.files)
			if _, err := author.NewSuite(t.Context(), read(t), author.SuiteOptions{Run: c.run}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	folder(t, map[string]string{"x_test.rego": "package x\n\ntest_a if true\n"})
	s, err := author.NewSuite(t.Context(), read(t), author.SuiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("interrupted")
	cancel(gone)
	if err := s.Run(ctx, func(*tester.Result) {}); !errors.Is(err, gone) {
		t.Errorf("an ended run: %v", err)
	}
}

func TestCoverageIsOfWhatAuthorsWrote(t *testing.T) {
	folder(t, map[string]string{
		"p.yaml": payments, "x.rego": "package x\n\ndeny contains \"a\" if input.image.os == \"a\"\n\ndeny contains \"b\" if {\n\tinput.image.os == \"b\"\n\tinput.image.user == \"b\"\n}\n",
		"x_test.rego": "package x_test\n\ntest_a if count(data.x.deny) == 1 with input as {\"image\": {\"os\": \"a\"}}\n",
	})
	s, err := author.NewSuite(t.Context(), read(t), author.SuiteOptions{Coverage: true, Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), func(r *tester.Result) {
		if !r.Pass() {
			t.Error(r)
		}
	}); err != nil {
		t.Fatal(err)
	}
	c := s.Coverage()
	if len(c.Files) != 1 || c.Files["x.rego"] == nil || c.Coverage <= 0 || c.Coverage >= 100 || c.CoveredLines == 0 || c.NotCoveredLines == 0 {
		t.Errorf("%+v", c)
	}
}

func TestJUnit(t *testing.T) {
	folder(t, map[string]string{"x_test.rego": "package x\n\ntest_good if true\n\ntest_bad if {\n\tprint(\"said \\u0007 & <so>\")\n\t1 == 2\n}\n\ntodo_test_later if true\n\ntest_error if to_number(\"x\")\n"})
	s, err := author.NewSuite(t.Context(), read(t), author.SuiteOptions{Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []*tester.Result
	if err := s.Run(t.Context(), func(r *tester.Result) { all = append(all, r) }); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := author.JUnit(&b, all); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure string `xml:"failure"`
				Out     string `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	if got.Tests != 4 || got.Failures != 1 || got.Errors != 1 || got.Skipped != 1 || len(got.Suites) != 1 || got.Suites[0].Name != "data.x" {
		t.Errorf("%+v", got)
	}
	if bad := got.Suites[0].Cases[1]; bad.Name != "test_bad" || !strings.Contains(bad.Failure, "x_test.rego:7") || !strings.Contains(bad.Out, "said  & <so>") {
		t.Errorf("%+v", bad)
	}
}

func TestFormat(t *testing.T) {
	folder(t, map[string]string{"good.rego": "package x\n\na := 1\n", "bad.rego": "package x\na  :=   1\n", "broken.rego": "package x\n\na := \n", "p.yaml": payments, ".git/x.rego": "nothing"})
	var changed []string
	err := author.FormatFiles([]string{"."}, func(f author.Formatted) error {
		if f.Changed() {
			changed = append(changed, f.File)
			if d := f.Diff(); !strings.Contains(d, "-a  :=   1\n+\n+a := 1\n") {
				t.Errorf("diff %s", d)
			}
			return f.Write()
		}
		return nil
	})
	if !slices.Equal(changed, []string{"bad.rego"}) || err == nil || !strings.HasPrefix(err.Error(), "broken.rego:4: rego_parse_error") {
		t.Errorf("changed %v, %v", changed, err)
	}
	if b, err := os.ReadFile("bad.rego"); err != nil || string(b) != "package x\n\na := 1\n" {
		t.Errorf("%s %v", b, err)
	}
	if err := author.FormatFiles([]string{"none", "p.yaml"}, nil); err == nil || !strings.Contains(err.Error(), "none: no such file") || !strings.Contains(err.Error(), "p.yaml: is not Rego") {
		t.Errorf("%v", err)
	}
}
