package policies_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/builtin"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/schema"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// The opa command, which knows nothing of this program, takes the generated
// packages as they stand: it finds no fault in them and gives the same answers
// as a Set does, which compiles them its own way and chooses by its own matcher.
func TestOPAAgrees(t *testing.T) {
	opa := testenv.OPA(t)
	d := newDice(1)
	docs := append(d.documents(500), examples(t)...)
	facts := make([]*policies.Input, 8)
	for i := range facts {
		facts[i] = d.facts()
	}
	set, err := policies.Compile(context.Background(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	results := make([]policies.Result, len(facts))
	for i, in := range facts {
		results[i] = evaluate(t, set, in)
	}
	folder := t.TempDir()
	controls := writeBundle(t, folder, docs, facts)

	t.Run("check", func(t *testing.T) {
		run(t, opa, "check", "--strict", "--schema", filepath.Join(folder, "input.schema.json"), "--capabilities", filepath.Join(folder, "capabilities.json"), filepath.Join(folder, "assurance"))
	})
	t.Run("fmt", func(t *testing.T) {
		if diff := run(t, opa, "fmt", "--diff", filepath.Join(folder, "assurance")); len(diff) > 0 {
			t.Errorf("not formatted:\n%.2000s", diff)
		}
	})
	t.Run("eval", func(t *testing.T) {
		answers := ask(t, opa, folder)
		compared := 0
		for i, r := range results {
			for name, ids := range controls {
				wanted := answers[i][name]
				if wanted.InScope != slices.Contains(r.Applicable, name) {
					t.Errorf("facts %d: %s includes the image: %v by its rule, by the matcher %v", i, name, wanted.InScope, !wanted.InScope)
				}
				if !wanted.InScope {
					continue
				}
				var got []policies.Check
				for _, c := range r.Checks {
					if c.PolicyName == name && c.Control != translate.CustomChecks {
						got = append(got, plain(t, c))
					}
				}
				if want := wanted.checks(ids); !reflect.DeepEqual(got, want) {
					t.Errorf("facts %d: %s answers\n%+v, opa\n%+v", i, name, got, want)
				}
				compared += len(got)
			}
		}
		if compared < 5000 {
			t.Errorf("only %d checks were compared", compared)
		}
		outcomes := map[string]int{}
		for _, r := range results {
			for _, c := range r.Checks {
				outcomes[c.Control+" "+outcome(c)]++
			}
		}
		for _, control := range []string{"dta", "malware", "sensitive_data", "max_severity", "max_score", "aggregated_vulnerability", "cve_blacklist", "exploitability", "root_user", "blacklisted_packages", "required_packages", "license", "whitelisted_licenses", "required_labels", "forbidden_labels", "trusted_base_images"} {
			if outcomes[control+" failed"] == 0 || outcomes[control+" passed"] == 0 {
				t.Errorf("the facts show too little of %s: %v", control, outcomes)
			}
		}
	})
	t.Run("test", func(t *testing.T) {
		writeTests(t, folder, docs, results)
		files := []string{"test", "--timeout", "5m", filepath.Join(folder, "assurance"), filepath.Join(folder, "facts.json"), filepath.Join(folder, "expected_test.rego"), filepath.Join(folder, "expected.json")}
		if out := run(t, opa, files...); !strings.Contains(string(out), fmt.Sprintf("PASS: %d/%d", len(docs), len(docs))) {
			t.Errorf("%.1000s", out)
		}
		// And would say so, were one of them wrong.
		results[0].Checks = slices.Clone(results[0].Checks)
		i := slices.IndexFunc(results[0].Checks, func(c policies.Check) bool { return c.Failed })
		results[0].Checks[i].Failed = false
		writeTests(t, folder, docs, results)
		out, err := exec.Command(opa, files...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "FAIL: 1/") {
			t.Errorf("one wrong expectation: %v, %.1000s", err, out)
		}
	})
}

// The opa command is the version that is compiled in.
func TestOPAIsTheSameVersion(t *testing.T) {
	version := func(dir string) string {
		list := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/open-policy-agent/opa")
		list.Dir, list.Env = dir, append(os.Environ(), "GOWORK=off")
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	testenv.NeedCommand(t, "go")
	if ours, theirs := version("."), version("../test/opa"); ours != theirs {
		t.Errorf("this module has opa %s, test/opa has %s: go -C test/opa get github.com/open-policy-agent/opa@%s", ours, theirs, ours)
	}
}

// examples are the built-in policies, and those of which the golden packages are made.
func examples(t *testing.T) []policies.Document {
	t.Helper()
	docs, err := builtin.Documents()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("translate/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := document.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		d.Name = strings.TrimSuffix(filepath.Base(file), ".yaml") + "-golden"
		docs = append(docs, d)
	}
	return docs
}

// writeBundle writes packages and facts for opa, and returns the controls of each policy.
func writeBundle(t *testing.T, folder string, docs []policies.Document, facts []*policies.Input) map[string][]string {
	t.Helper()
	controls := map[string][]string{}
	for _, d := range docs {
		p, err := translate.Document(d)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, filepath.FromSlash(p.File))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, file, []byte(p.Rego))
		controls[d.Name] = slices.DeleteFunc(p.Controls, func(c string) bool { return c == translate.CustomChecks })
	}
	writeJSON(t, filepath.Join(folder, "facts.json"), map[string]any{"facts": facts})
	write(t, filepath.Join(folder, "input.schema.json"), schema.Input)
	writeJSON(t, filepath.Join(folder, "capabilities.json"), engine.Capabilities())
	return controls
}

// said is what one package says about one image.
type said struct {
	InScope bool                   `json:"in_scope"`
	Sets    map[string][]statement `json:"sets"`
}

type statement struct {
	Control string         `json:"control"`
	Msg     string         `json:"msg"`
	Facts   map[string]any `json:"facts"`
}

// ask has every package judge all facts, in one process.
func ask(t *testing.T, opa, folder string) []map[string]said {
	t.Helper()
	write(t, filepath.Join(folder, "ask.rego"), []byte(`package ask

answers := [answer |
	some facts in data.facts
	answer := said with input as facts
]

said := {name: {"in_scope": object.get(p, "in_scope", false), "sets": object.filter(p, ["exempt", "deny", "pending", "skip", "warn"])} |
	some name, p in data.assurance
}
`))
	out := run(t, opa, "eval", "--strict-builtin-errors", "--fail", "--format", "raw", "--data", filepath.Join(folder, "assurance"), "--data", filepath.Join(folder, "facts.json"), "--data", filepath.Join(folder, "ask.rego"), "data.ask.answers")
	var answers []map[string]said
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
	return answers
}

// checks combines statements as the manual says: an exemption outweighs a
// failure, a failure waiting, waiting a skip, a skip a remark; silence passes.
func (s said) checks(controls []string) []policies.Check {
	var all []policies.Check
	for _, control := range controls {
		c := policies.Check{Control: control}
		about := func(set string) bool {
			var messages []string
			facts := map[string]any{}
			for _, st := range s.Sets[set] {
				if st.Control == control || set == "exempt" && st.Control == "*" && control != "allowed_images" {
					messages = append(messages, st.Msg)
					for name, v := range st.Facts {
						facts[name] = v
					}
				}
			}
			if messages == nil {
				return false
			}
			slices.Sort(messages)
			c.Message = strings.Join(slices.Compact(messages), "; ")
			if len(facts) > 0 {
				c.Facts = facts
			}
			return true
		}
		switch {
		case about("exempt"):
			c.Exempt, c.Skipped, c.SkippedReason = true, true, c.Message
		case about("deny"):
			c.Failed = true
		case about("pending"):
			c.Pending = true
		case about("skip"):
			c.Skipped, c.SkippedReason = true, c.Message
		case about("warn"):
			c.Warning = true
		}
		all = append(all, c)
	}
	return all
}

// plain is c as JSON would have it, without what the package does not say.
func plain(t *testing.T, c policies.Check) policies.Check {
	t.Helper()
	if c.Facts != nil {
		b, err := json.Marshal(c.Facts)
		if err != nil {
			t.Fatal(err)
		}
		c.Facts = nil
		if err := json.Unmarshal(b, &c.Facts); err != nil {
			t.Fatal(err)
		}
	}
	c.PolicyID, c.PolicyName, c.Blocking = 0, "", false
	return c
}

// writeTests writes a Rego test for each policy: whom it includes, and which
// controls fail.
func writeTests(t *testing.T, folder string, docs []policies.Document, results []policies.Result) {
	t.Helper()
	expected := make([]map[string]any, len(results))
	for i, r := range results {
		expected[i] = map[string]any{}
		for _, name := range r.Applicable {
			failed := []string{}
			for _, c := range r.Checks {
				if c.PolicyName == name && c.Failed && c.Control != translate.CustomChecks {
					failed = append(failed, c.Control)
				}
			}
			slices.Sort(failed)
			expected[i][name] = failed
		}
	}
	writeJSON(t, filepath.Join(folder, "expected.json"), map[string]any{"expected": expected})
	var b bytes.Buffer
	b.WriteString(`package expected_test

failed(p) := sort({finding.control |
	some finding in object.get(p, "deny", set())
	not excused(p, finding.control)
})

excused(p, control) if {
	some excuse in object.get(p, "exempt", set())
	excuse.control in {control, "*"}
	control != "allowed_images"
}

agrees(p, name, want) if {
	object.get(p, "in_scope", false)
	failed(p) == want[name]
}

agrees(p, name, want) if {
	not p.in_scope
	not want[name]
}
`)
	for _, d := range docs {
		fmt.Fprintf(&b, "\ntest_%s if every i, facts in data.facts { agrees(data.assurance[%[2]q], %[2]q, data.expected[i]) with input as facts }\n", strings.ReplaceAll(d.Name, "-", "_"), d.Name)
	}
	write(t, filepath.Join(folder, "expected_test.rego"), b.Bytes())
}

func run(t *testing.T, command string, args ...string) []byte {
	t.Helper()
	var out, faults bytes.Buffer
	c := exec.Command(command, args...)
	c.Stdout, c.Stderr = &out, &faults
	if err := c.Run(); err != nil {
		t.Fatalf("opa %s: %v\n%.2000s\n%.2000s", args[0], err, faults.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, b)
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
