package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// examples copies testdata/policies to the working folder, with changes.
func examples(t *testing.T, changes map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.CopyFS("policies", os.DirFS(filepath.Join(testdata, "policies"))); err != nil {
		t.Fatal(err)
	}
	for name, text := range changes {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// exits wants a command to end with a code, and gives what it printed.
func exits(t *testing.T, code int, args ...string) (out, errOut string) {
	t.Helper()
	out, errOut, err := sallyport(t, "", args...)
	got := 0
	var coded codeError
	switch {
	case errors.As(err, &coded):
		got = coded.code
	case err != nil:
		got = exitFailed
	}
	if err != nil {
		errOut += err.Error() + "\n"
	}
	if got != code {
		t.Errorf("sallyport %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errOut)
	}
	return out, errOut
}

// untimed is what tests print without how long they took.
func untimed(out string) string {
	return regexp.MustCompile(`\((\d[\d.µnmsh]*)\)|"duration": \d+|time="[\d.]+"`).ReplaceAllString(out, "(TIME)")
}

const failing = `package failing_test

test_root_is_allowed if {
	facts := {"image": {"runs_as_root": true, "user": "root"}}
	count(data.assurance.payments.deny) == 0 with input as facts
}
`

func TestPolicyTestCommand(t *testing.T) {
	examples(t, nil)
	out, _ := exits(t, 0, "policy", "test", "policies")
	golden(t, "policy-test", untimed(out))
	out, _ = exits(t, 0, "policy", "test", "-v", "--run", "registries", "policies")
	golden(t, "policy-test-verbose", untimed(out))
	out, _ = exits(t, 0, "policy", "test", "--coverage", "policies")
	golden(t, "policy-test-coverage", untimed(out))
	out, errOut := exits(t, 2, "policy", "test", "--threshold", "99", "policies")
	if !strings.Contains(errOut, "coverage is ") || !strings.Contains(errOut, "registries.rego:10") || !strings.Contains(out, "PASS: 5/5") {
		t.Errorf("below the threshold: %s%s", out, errOut)
	}
	var covered struct{ Coverage float64 }
	out, _ = exits(t, 0, "policy", "test", "--coverage", "--format", "json", "policies")
	if err := json.Unmarshal([]byte(out), &covered); err != nil || covered.Coverage < 50 {
		t.Errorf("coverage %+v, %v: %s", covered, err, out)
	}

	examples(t, map[string]string{"policies/failing_test.rego": failing})
	out, _ = exits(t, 2, "policy", "test", "policies")
	golden(t, "policy-test-failing", untimed(out))
	out, _ = exits(t, 2, "policy", "test", "--format", "junit", "policies")
	golden(t, "policy-test-junit", untimed(out))
	var results []struct {
		Package, Name string
		Fail          bool
	}
	out, _ = exits(t, 2, "policy", "test", "--format", "json", "policies")
	if err := json.Unmarshal([]byte(out), &results); err != nil || len(results) != 6 || !results[2].Fail || results[2].Name != "test_root_is_allowed" {
		t.Errorf("%+v, %v", results, err)
	}

	examples(t, map[string]string{"policies/failing_test.rego": "package later\n\ntodo_test_later if false\n"})
	exits(t, 2, "policy", "test", "policies")
	exits(t, 0, "policy", "test", "-z", "policies")

	for name, c := range map[string]struct {
		changes map[string]string
		args    []string
		says    []string
	}{
		"nothing there":       {nil, []string{"none"}, []string{"none: no such file"}},
		"no test":             {nil, []string{"policies/payments.yaml"}, []string{"policies/payments.yaml: no test found"}},
		"none chosen":         {nil, []string{"--run", "colour", "policies"}, []string{"of 5 tests none matches"}},
		"broken":              {map[string]string{"policies/x.rego": "package x\n\ndeny contains if\n"}, []string{"policies"}, []string{"policies/x.rego:3: rego_parse_error"}},
		"before 1.0":          {map[string]string{"policies/x.rego": "package x\n\ndeny[msg] { msg := 1 }\n"}, []string{"policies"}, []string{"policies/x.rego:3", "opa fmt --v0-v1"}},
		"a faulty document":   {map[string]string{"policies/x.yaml": "name: x\nscope: a.b\n"}, []string{"policies"}, []string{"policies/x.yaml:2: scope"}},
		"no percentage":       {nil, []string{"--threshold", "101", "policies"}, []string{"0 to 100"}},
		"no format":           {nil, []string{"--format", "tap", "policies"}, []string{"pretty, json or junit"}},
		"no time":             {nil, []string{"--timeout", "0s", "policies"}, []string{"--timeout"}},
		"no path":             {nil, nil, []string{"an argument is missing"}},
		"an unknown flag":     {nil, []string{"--colour", "policies"}, []string{"--colour"}},
		"a broken expression": {nil, []string{"--run", "(", "policies"}, []string{"which tests to run"}},
	} {
		t.Run(name, func(t *testing.T) {
			examples(t, c.changes)
			_, errOut := exits(t, 1, append([]string{"policy", "test"}, c.args...)...)
			for _, w := range c.says {
				if !strings.Contains(errOut, w) {
					t.Errorf("error misses %q: %s", w, errOut)
				}
			}
		})
	}
}

func TestHostileTestIsStopped(t *testing.T) {
	examples(t, map[string]string{"policies/hostile_test.rego": "package hostile\n\ntest_range if {\n\tsome i in numbers.range(1, 100000)\n\tsome j in numbers.range(1, 100000)\n\ti + j < 0\n}\n"})
	out, _ := exits(t, 2, "policy", "test", "--timeout", "3s", "policies") // the others are done by then on any machine
	if !strings.Contains(out, "data.hostile.test_range: ERROR") || !strings.Contains(out, "stopped: took ") || !strings.Contains(out, "PASS: 5/6") {
		t.Errorf("%s", out)
	}
}

func TestPolicyCheckCommand(t *testing.T) {
	examples(t, nil)
	out, _ := exits(t, 0, "policy", "check", "policies")
	golden(t, "policy-check-folder", out)
	out, _ = exits(t, 0, "policy", "check", "policies/payments.yaml")
	if !strings.Contains(out, "1 file of Rego") {
		t.Errorf("a document brings its checks: %s", out)
	}
	if out, _, err := sallyport(t, paymentsYAML, "policy", "check", "-"); err != nil || out != "policy payments: ok\n" {
		t.Errorf("%q, %v", out, err)
	}
	examples(t, map[string]string{
		"policies/a.yaml": "name: a\nenabled: perhaps\nscope: image.colour.red\n", "policies/payments_test.rego": "package payments_test\n\ntest_a if input.imag.user\n",
		"policies/checks/registries.rego": "package registries\n\ndeny contains \"x\" if input.image.usr\n",
	})
	out, errOut := exits(t, 1, "policy", "check", "policies")
	if out != "" {
		t.Errorf("printed %s", out)
	}
	// Which fields there are is not what this is about.
	golden(t, "policy-check-faults", regexp.MustCompile(`want \(one of\): .*`).ReplaceAllString(errOut, "want (one of): …"))
	var found struct {
		Errors []struct {
			Message, Code string
			Location      struct {
				File string
				Row  int
			}
		}
	}
	out, _ = exits(t, 1, "policy", "check", "-o", "json", "policies")
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Errors) < 2 || found.Errors[0].Location.Row != 2 {
		t.Errorf("%+v, %v", found, err)
	}
	examples(t, map[string]string{"policies/a.yaml": "name: a\nonly_non_root_users: true\n"})
	exits(t, 0, "policy", "check", "policies")
	out, errOut = exits(t, 1, "policy", "check", "--fail-on-warn", "policies")
	if !strings.Contains(out, `warning: unknown field "only_non_root_users", did you mean "only_none_root_users"?`) || !strings.Contains(errOut, "1 warning: --fail-on-warn") {
		t.Errorf("%s%s", out, errOut)
	}
	exits(t, 1, "policy", "check", "--fail-on-warn", "-o", "json", "policies")
	_, errOut = exits(t, 1, "policy", "check", "none", t.TempDir())
	if !strings.Contains(errOut, "none: no such file") {
		t.Errorf("%s", errOut)
	}
	_, errOut = exits(t, 1, "policy", "check", t.TempDir())
	if !strings.Contains(errOut, "neither a policy nor Rego") {
		t.Errorf("%s", errOut)
	}
}

func TestPolicyFmtCommand(t *testing.T) {
	examples(t, map[string]string{"policies/x.rego": "package x\na  :=   1\n"})
	out, _ := exits(t, 0, "policy", "fmt", "--list", "policies")
	if out != "policies/x.rego\n" {
		t.Errorf("list %q", out)
	}
	out, _ = exits(t, 0, "policy", "fmt", "--diff", "policies")
	golden(t, "policy-fmt-diff", out)
	out, errOut := exits(t, 2, "policy", "fmt", "--fail", "policies")
	if out != "" || !strings.Contains(errOut, "1 file is not formatted") {
		t.Errorf("%s%s", out, errOut)
	}
	if out, _ := exits(t, 0, "policy", "fmt", "policies/x.rego"); out != "package x\n\na := 1\n" {
		t.Errorf("printed %q", out)
	}
	if out, _, err := sallyport(t, "package x\na  :=   1\n", "policy", "fmt"); err != nil || out != "package x\n\na := 1\n" {
		t.Errorf("standard input: %q, %v", out, err)
	}
	exits(t, 0, "policy", "fmt", "--write", "policies")
	if out, _ := exits(t, 0, "policy", "fmt", "--list", "--fail", "policies"); out != "" {
		t.Errorf("not formatted yet: %s", out)
	}
	examples(t, map[string]string{"policies/x.rego": "package x\n\na := \n"})
	if _, errOut := exits(t, 2, "policy", "fmt", "--write", "policies"); !strings.Contains(errOut, "policies/x.rego:4: rego_parse_error") {
		t.Errorf("%s", errOut)
	}
	if _, errOut := exits(t, 1, "policy", "fmt", "none"); !strings.Contains(errOut, "none: no such file") {
		t.Errorf("%s", errOut)
	}
}

// The examples of the manual are what they say they are.
func TestExamplesAreSound(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", "examples"))
	exits(t, 0, "policy", "check", "--fail-on-warn", "policies")
	exits(t, 0, "policy", "fmt", "--fail", "policies")
	out, _ := exits(t, 0, "policy", "test", "--threshold", "80", "policies")
	if !strings.Contains(out, "PASS: ") {
		t.Errorf("no test was run: %s", out)
	}
	// Authors without Sallyport's command find their tests with opa's, too: see test/opa.
	for _, kind := range []struct {
		files string
		least int
	}{{"policies/*.yaml", 12}, {"policies/checks/*/*_test.rego", 6}} {
		if found, err := filepath.Glob(kind.files); err != nil || len(found) < kind.least {
			t.Errorf("%s: %d, want at least %d", kind.files, len(found), kind.least)
		}
	}
}
