package policies_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// snippets makes a policy with custom checks.
func snippets(texts ...string) policies.Document {
	d := document.New("p")
	d.CustomChecksEnabled = true
	for i, text := range texts {
		d.CustomChecks = append(d.CustomChecks, document.CustomCheck{Name: "check-" + string(rune('a'+i)), Engine: "rego", Snippet: text, Severity: "high"})
	}
	return d
}

func TestCustomChecks(t *testing.T) {
	for _, c := range []struct {
		name, snippet, want, message string
	}{
		{"passes", "package a\n\ndeny contains \"x\" if input.image.os == \"windows\"\n", "passed", ""},
		{"a string", "package a\n\ndeny contains \"not linux enough\" if input.image.os == \"linux\"\n", "failed", "check-a: not linux enough"},
		{"an object", "package a\n\ndeny contains {\"msg\": \"m\", \"why\": 1} if input.image.os == \"linux\"\n", "failed", "check-a: m"},
		{"violation as in Gatekeeper", "package a\n\nviolation contains {\"msg\": \"m\", \"details\": {}} if true\n", "failed", "check-a: m"},
		{"a set with a suffix", "package a\n\ndeny_latest contains \"m\" if true\n", "failed", "check-a: m"},
		{"warn", "package a\n\nwarn contains \"careful\" if true\n", "warning", "check-a: careful"},
		{"deny outweighs warn", "package a\n\nwarn contains \"careful\" if true\n\ndeny contains \"no\" if true\n", "failed", "check-a: no"},
		{"several", "package a\n\ndeny contains x if some x in [\"two\", \"one\"]\n", "failed", "check-a: one; two"},
		{"many", "package a\n\ndeny contains x if some x in [\"g\", \"f\", \"e\", \"d\", \"c\", \"b\", \"a\"]\n\nwarn contains \"w\"\n", "failed", "check-a: a; b; c; d; e and 2 more"},
		{"no package of its own", "# why\n\ndeny contains \"m\" if input.dta.status == \"none\"\n", "failed", "check-a: m"},
		{"functions and helpers", "package a\n\nold(v) if semver.compare(v, \"2.0.0\") < 0\n\ndeny contains p.name if {\n\tsome p in input.packages.items\n\told(p.version)\n}\n", "passed", ""},
		{"nested package", "package a.b.c\n\ndeny contains \"m\" if true\n", "failed", "check-a: m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := policies.Compile(context.Background(), []policies.Document{snippets(c.snippet)}, policies.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := evaluate(t, set, nginx())
			if len(r.Checks) != 1 || r.Checks[0].Control != "custom_checks" {
				t.Fatalf("%+v", r.Checks)
			}
			if got := outcome(r.Checks[0]); got != c.want || r.Checks[0].Message != c.message {
				t.Errorf("%s: %q, want %s: %q", got, r.Checks[0].Message, c.want, c.message)
			}
		})
	}
}

func TestChecksThatDoNotCompile(t *testing.T) {
	for name, c := range map[string][2]string{
		"no sets":                {"package a\n\nallow if true\n", "none of the sets deny, violation and warn"},
		"not a set":              {"package a\n\ndeny := \"x\" if true\n", `write "deny contains msg if`},
		"a policy's own package": {"package assurance.a\n\ndeny contains \"x\" if true\n", "package assurance.a is kept for what documents are translated to"},
		"an object of rules":     {"package a\n\ndeny[x] := y if {\n\tx := 1\n\ty := 2\n}\n", "is not a set"},
		"syntax":                 {"package a\n\ndeny contains if\n", "check-a.rego:3"},
		"Rego of before 1.0":     {"package a\n\ndeny[msg] { msg := \"x\" }\n", "opa fmt --v0-v1"},
		"network":                {"package a\n\ndeny contains \"x\" if http.send({\"url\": \"http://198.51.100.1\", \"method\": \"get\"})\n", "undefined function http.send"},
		"clock":                  {"package a\n\ndeny contains \"x\" if time.now_ns() > 1\n", "undefined function time.now_ns"},
		"environment":            {"package a\n\ndeny contains \"x\" if opa.runtime().env.HOME\n", "undefined function opa.runtime"},
		"misspelt field":         {"package a\n\ndeny contains \"x\" if input.imag.user\n", "input.imag"},
		"misspelt field, deeper": {"package a\n\ndeny contains \"x\" if input.image.usr == \"root\"\n", "usr"},
		"wrong type":             {"package a\n\ndeny contains \"x\" if startswith(input.image.size, \"x\")\n", "startswith"},
		"unused variable":        {"package a\n\ndeny contains \"x\" if {\n\ty := 1\n}\n", "unused"},
		"recursion":              {"package a\n\ndeny contains \"x\" if f(1)\n\nf(x) if f(x)\n", "recursive"},
		"nothing":                {"package a\n", "none of the sets"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policies.Compile(context.Background(), []policies.Document{snippets(c[0])}, policies.Options{})
			if err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), `policy "p": custom check "check-a"`) {
				t.Errorf("error %v, want %q", err, c[1])
			}
		})
	}
}

// Rules that never end, or never stop growing, are stopped and named; others
// go on, and the image does not pass.
func TestHostileChecks(t *testing.T) {
	good := "package good\n\nwarn contains \"still here\" if true\n"
	for name, c := range map[string][2]string{
		"range bomb":      {"package a\n\ndeny contains \"x\" if count(numbers.range(1, 1000000000)) < 0\n", "took"},
		"nested loops":    {"package a\n\nn := numbers.range(1, 5000)\n\ndeny contains \"x\" if {\n\tsome i in n\n\tsome j in n\n\tsome k in n\n\ti + j + k < 0\n}\n", "took longer"},
		"doubling string": {"package a\n\ns0 := concat(\"\", [input.image.digest, \"0123456789012345678901234567890123456789\"])\n\n" + doubling(40) + "\ndeny contains \"x\" if count(s40) < 0\n", "took"},
		"wide networks":   {"package a\n\ndeny contains \"x\" if count(net.cidr_expand(\"10.0.0.0/8\")) < 0\n", "took"},
		"endless output":  {"package a\n\ndeny contains sprintf(\"%d\", [i]) if some i in numbers.range(1, 100000)\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := policies.Compile(context.Background(), []policies.Document{snippets(c[0], good)}, policies.Options{CheckTime: time.Second, CheckMemory: 256 << 20})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			r := evaluate(t, set, nginx())
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("stopped after %v", took)
			}
			if !r.Disallowed || len(r.Checks) != 1 || len(r.Checks[0].Message) > 20_000 {
				t.Fatalf("%.2000v", r)
			}
			if c[1] == "" {
				if !strings.Contains(r.Checks[0].Message, " and 99995 more") && len(r.Faults) == 0 {
					t.Errorf("message %.300s", r.Checks[0].Message)
				}
				return
			}
			if len(r.Faults) != 1 || !strings.Contains(r.Checks[0].Message, "check-a could not be evaluated ("+c[1]) {
				t.Errorf("faults %v, message %.300s", r.Faults, r.Checks[0].Message)
			}
		})
	}
}

// doubling is n rules, each twice the one before.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		a, z := itoa(i), itoa(i+1)
		b.WriteString("s" + z + " := concat(\"\", [s" + a + ", s" + a + "])\n\n")
	}
	return b.String()
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}

func TestOtherEnginesAreSkipped(t *testing.T) {
	d := snippets("package a\n\nwarn contains \"x\" if input.image.os == \"plan9\"\n")
	d.CustomChecks = append(d.CustomChecks, document.CustomCheck{Name: "old", Engine: "yaml", Snippet: "id: 1"})
	set, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := evaluate(t, set, nginx()).Checks[0]; !c.Skipped || !strings.Contains(c.SkippedReason, `old is written for the engine "yaml"`) {
		t.Errorf("%+v", c)
	}
}

func TestChecksBesideThePolicy(t *testing.T) {
	files := fstest.MapFS{
		"checks/age.rego":      {Data: []byte("package age\n\nimport data.lib.words\n\ndeny contains words.too_old if input.image.repository in data.checks.old\n")},
		"checks/age_test.rego": {Data: []byte("package age_test\n\nthis is not rego")},
		"checks/data.yaml":     {Data: []byte("old: [library/nginx]\n")},
		"checks/lib/w.rego":    {Data: []byte("package lib.words\n\ntoo_old := \"too old\"\n")},
	}
	for _, path := range []string{"checks/age.rego", "checks"} {
		t.Run(path, func(t *testing.T) {
			d := document.New("p")
			d.CustomChecksEnabled, d.Files = true, files
			d.CustomChecks = []document.CustomCheck{{Path: path}}
			set, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c := evaluate(t, set, nginx()).Checks[0]; !c.Failed || c.Message != path+": too old" {
				t.Errorf("%+v", c)
			}
			// What is beside the document is part of the generation.
			changed := fstest.MapFS{}
			for name, f := range files {
				changed[name] = f
			}
			changed["checks/data.yaml"] = &fstest.MapFile{Data: []byte("old: []\n")}
			d.Files = changed
			after, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{Previous: set})
			if err != nil || after.Generation() == set.Generation() || evaluate(t, after, nginx()).Disallowed {
				t.Errorf("a changed data file makes no difference: %v", err)
			}
		})
	}
	for path, want := range map[string]string{"../x.rego": "is not a path below", "/etc/passwd": "is not a path below", "missing.rego": "missing.rego", "": "neither a snippet nor a path"} {
		d := document.New("p")
		d.CustomChecksEnabled, d.Files = true, files
		d.CustomChecks = []document.CustomCheck{{Path: path}}
		if _, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	clash := fstest.MapFS{
		"checks/a.rego":        files["checks/age.rego"],
		"checks/data.yaml":     {Data: []byte("lib: {words: 1}\n")},
		"checks/lib/w.rego":    files["checks/lib/w.rego"],
		"checks/lib/data.yaml": {Data: []byte("words: 2\n")},
	}
	d := document.New("p")
	d.CustomChecksEnabled, d.Files = true, clash
	d.CustomChecks = []document.CustomCheck{{Path: "checks"}}
	if _, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{}); err == nil || !strings.Contains(err.Error(), `"words" stands in another data file`) {
		t.Errorf("two values of one path: %v", err)
	}
	d = document.New("p")
	d.CustomChecksEnabled = true
	d.CustomChecks = []document.CustomCheck{{Path: "checks"}}
	if _, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{}); err == nil || !strings.Contains(err.Error(), "comes from no folder") {
		t.Errorf("%v", err)
	}
}

// What custom checks read decides how long, and for whom, a result holds.
func TestWhatCustomChecksRead(t *testing.T) {
	one, two := policies.Context{Kind: "admission", Namespace: "a"}, policies.Context{Kind: "admission", Namespace: "b"}
	for name, c := range map[string]struct {
		snippet       string
		context, time bool
	}{
		"the image":         {"package a\n\ndeny contains \"x\" if input.image.os == \"y\"\n", false, false},
		"the context":       {"package a\n\ndeny contains \"x\" if input.context.namespace == \"y\"\n", true, false},
		"the time":          {"package a\n\ndeny contains \"x\" if input.now == \"y\"\n", false, true},
		"all of it":         {"package a\n\ndeny contains \"x\" if json.marshal(input) == \"\"\n", true, true},
		"a computed field":  {"package a\n\ndeny contains \"x\" if {\n\tsome field in [\"image\"]\n\tcount(input[field]) == 1\n}\n", true, true},
		"by another name":   {"package a\n\nall := input\n\ndeny contains \"x\" if all.context.namespace == \"y\"\n", true, true},
		"through a builtin": {"package a\n\ndeny contains \"x\" if object.get(input, [\"context\", \"namespace\"], \"\") == \"y\"\n", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := policies.Compile(context.Background(), []policies.Document{snippets(c.snippet)}, policies.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := set.ContextKey(one) != set.ContextKey(two); got != c.context {
				t.Errorf("the context makes a difference: %v", got)
			}
			if r := evaluate(t, set, nginx()); r.Until.IsZero() == c.time {
				t.Errorf("until %v", r.Until)
			}
		})
	}
}

func TestACheckThatCannotRunOpensWhereThePolicySaysSo(t *testing.T) {
	d := snippets("package a\n\ndeny contains \"x\" if count(numbers.range(1, 1000000000)) < 0\n", "package b\n\ndeny contains \"real\" if input.image.os == \"windows\"\n")
	d.Sallyport = &document.Extension{Fault: document.FaultOpen}
	set, err := policies.Compile(context.Background(), []policies.Document{d}, policies.Options{CheckTime: time.Second, CheckMemory: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := evaluate(t, set, nginx())
	if r.Disallowed || len(r.Faults) != 1 || !r.Checks[0].Warning || !strings.Contains(r.Checks[0].Message, "could not be evaluated") || !set.FaultsOpen() {
		t.Errorf("%+v", r)
	}
	in := nginx()
	in.Image.OS = "windows"
	if r := evaluate(t, set, in); !r.Disallowed {
		t.Errorf("what another check found: %+v", r)
	}
}
