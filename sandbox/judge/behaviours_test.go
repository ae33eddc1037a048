package judge

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/behaviours"
)

// TestBehaviours runs the Rego tests that stand beside the built-in rules.
func TestBehaviours(t *testing.T) {
	base, err := load(os.DirFS("../behaviours"), builtIn)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = run(context.Background(), &source{shared: base.shared, rules: base.rules, lists: base.lists}, &source{tests: base.tests, cases: base.cases}, &out, false)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log(strings.TrimSpace(out.String()))
}

// TestEveryBehaviourIsTested: at least one test in which it finds, one in which it does not.
func TestEveryBehaviourIsTested(t *testing.T) {
	j, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range j.List() {
		text, err := fs.ReadFile(behaviours.FS, string(b.Category)+"/"+b.Slug+"_test.rego")
		if err != nil {
			t.Errorf("%s: %v", b.Slug, err)
			continue
		}
		if !strings.Contains(string(text), "\ntest_not_") || strings.Count(string(text), "\ntest_") == strings.Count(string(text), "\ntest_not_") {
			t.Errorf("%s: its test needs a case that it finds and one, called test_not_…, that it does not", b.Slug)
		}
		if len(b.Attack) == 0 || b.AttackVersion != AttackVersion || b.Remediation == "" || b.Group == string(b.Category) {
			t.Errorf("%s: METADATA needs attack, attack_version %q, group and remediation", b.Slug, AttackVersion)
		}
		for _, a := range b.Attack {
			if a.ID == "" || a.Name == "" || a.Tactic == "" {
				t.Errorf("%s: technique %+v is incomplete", b.Slug, a)
			}
		}
	}
	for _, c := range report.Categories() {
		if !strings.Contains(string(mustList(t, j)), string(c)) {
			t.Errorf("no behaviour in %s", c)
		}
	}
}

func mustList(t *testing.T, j *Judge) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, x := range j.List() {
		b.WriteString(x.key() + "\n")
	}
	return b.Bytes()
}

func TestRulesAreFormatted(t *testing.T) {
	err := fs.WalkDir(behaviours.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".rego") {
			return err
		}
		have, err := fs.ReadFile(behaviours.FS, name)
		if err != nil {
			return err
		}
		want, err := format.SourceWithOpts(name, have, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			return err
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s: run opa fmt", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestListsNameTheirSource(t *testing.T) {
	s, err := load(behaviours.FS, builtIn)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range s.lists {
		if source, _ := list.(map[string]any)["source"].(string); source == "" {
			t.Errorf("the list %s does not say where it comes from", name)
		}
	}
}
