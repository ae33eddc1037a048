package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/report"
)

// pulled lets the gate know images.
func (r *running) pulled(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		d := r.Push(t, name, report.Clean)
		ref, err := image.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Gate.Decide(t.Context(), gate.Request{Reference: ref.WithDigest(d), Context: policies.Context{Kind: "pull"}}); err != nil {
			t.Fatal(err)
		}
	}
}

const rootFacts = `{"image": {"registry": "registry.test", "repository": "pay/api", "tags": ["1.2"], "os": "linux", "architecture": "amd64", "user": "root", "author": "jane"}}`

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyEvalOfFacts(t *testing.T) {
	t.Setenv("SALLYPORT_SERVER", "")
	examples(t, map[string]string{"root.json": rootFacts, "web.json": `{"image":{"repository":"shop/web","tags":["latest"]}}`})
	out, _ := exits(t, 1, "policy", "eval", "-f", "policies", "--input", "root.json")
	golden(t, "policy-eval", out)
	out, _ = exits(t, 0, "policy", "eval", "-f", "policies", "--input", "web.json", "--all")
	golden(t, "policy-eval-all", out)
	out, _ = exits(t, 1, "policy", "eval", "-f", "policies", "--input", "root.json,web.json", "-o", "json")
	var all []evaluated
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 2 || all[0].Outcome.Control != "root_user" || all[0].Result.Generation == "" || !all[0].Policies[0].Included || all[1].Policies[0].Included {
		t.Errorf("%+v, %v", all, err)
	}
	// What is printed can be read again.
	out, _ = exits(t, 0, "policy", "eval", "--input", "root.json", "--print-input", "--namespace", "prod")
	write(t, "again.json", out)
	again, errOut := exits(t, 0, "policy", "eval", "--input", "again.json", "--print-input")
	if again != out || errOut != "" || !strings.Contains(out, `"namespace": "prod"`) || !strings.Contains(out, `"runs_as_root": true`) {
		t.Errorf("%s", again)
	}
	// What is changed in vain is named.
	write(t, "vain.json", strings.Replace(out, `"runs_as_root": true`, `"runs_as_root": false`, 1))
	out, errOut = exits(t, 1, "policy", "eval", "-f", "policies", "--input", "vain.json")
	if !strings.Contains(errOut, "warning: vain.json: not read") || !strings.Contains(errOut, "worked out: image.runs_as_root\n") || !strings.Contains(out, "root_user") {
		t.Errorf("%s%s", out, errOut)
	}
	if out, _ := exits(t, 0, "policy", "eval", "-f", "policies", "--input", "web.json"); !strings.Contains(out, "No policy includes it.") || strings.Contains(out, "APPLIES") {
		t.Errorf("%s", out)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no file":             {[]string{"--input", "none.json"}, "none.json: no such file"},
		"no policy":           {[]string{"-f", "none", "--input", "root.json"}, "none: no such file"},
		"broken facts":        {[]string{"--input", "broken.json"}, "broken.json:2: "},
		"misspelt facts":      {[]string{"--input", "misspelt.json"}, "misspelt.json: image: "},
		"no facts":            {[]string{"--input", "empty.json"}, "empty.json: holds no facts document"},
		"two ways":            {[]string{"--input", "root.json", "some/image:1"}, "exclude each other"},
		"nothing to print":    {[]string{"--print-input"}, "--print-input needs an image"},
		"a folder of no use":  {[]string{"-f", "empty", "--input", "root.json"}, "there is no policy in empty"},
		"no platform":         {[]string{"--archive", "x.tar", "--platform", "nonsense"}, "--platform"},
		"no archive":          {[]string{"--archive", "none.tar"}, "none.tar"},
		"an unknown way":      {[]string{"-o", "yaml", "--input", "root.json"}, "table or json"},
		"a reference that is": {[]string{"UPPER CASE"}, "UPPER CASE"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, "broken.json", "{\n\"image\": }")
			write(t, "misspelt.json", `{"image":{"usr":"root"}}`)
			write(t, "empty.json", "\n")
			write(t, "empty/README.md", "")
			args := append([]string{"policy", "eval"}, c.args...)
			if !strings.Contains(strings.Join(c.args, " "), "-f") {
				args = append(args, "-f", "policies")
			}
			if _, errOut := exits(t, 2, args...); !strings.Contains(errOut, c.says) {
				t.Errorf("error misses %q: %s", c.says, errOut)
			}
		})
	}
}

func TestHostileEvalIsStopped(t *testing.T) {
	examples(t, map[string]string{"root.json": rootFacts})
	write(t, "bad/p.yaml", "name: p\ncustom_checks_enabled: true\ncustom_checks:\n- name: bomb\n  snippet: |\n    deny contains \"x\" if count(numbers.range(1, 1000000000)) < 0\n")
	out, _ := exits(t, 1, "policy", "eval", "-f", "bad", "--input", "root.json")
	if !strings.Contains(out, "bomb could not be evaluated (took ") {
		t.Errorf("%s", out)
	}
}

func TestPolicyEvalWithAGate(t *testing.T) {
	r := serveConsole(t)
	r.pulled(t, "demo.test/pay/api:v1", "demo.test/pay/web:v1", "demo.test/shop/web:v1")
	write(t, "p/pay.yaml", "name: pay\nscope: image.repo.pay/*\nrequired_labels_enabled: true\nrequired_labels: [{key: team, value: pay}]\n")
	out, _ := exits(t, 1, "policy", "eval", "-f", "p", "demo.test/pay/api:v1")
	if !strings.Contains(out, "policy pay, control required_labels") {
		t.Errorf("%s", out)
	}
	out, _ = exits(t, 1, "policy", "eval", "-f", "p")
	golden(t, "policy-eval-known", out)
	out, _ = exits(t, 1, "policy", "eval", "-f", "p", "--all", "-o", "json")
	var d comparison
	if err := json.Unmarshal([]byte(out), &d); err != nil || len(d.Changes) != 3 || d.Summary.ToDenied != 2 || d.Changes[2].Flips() {
		t.Errorf("%+v %v", d, err)
	}
	// By the policies in force nothing is denied.
	if out, _ := exits(t, 0, "policy", "eval"); !strings.Contains(out, "shop/web:v1") || !strings.Contains(out, "3 images judged") {
		t.Errorf("%s", out)
	}
	if out, _ := exits(t, 0, "policy", "eval", "demo.test/shop/web:v1"); !strings.Contains(out, "Default  yes") {
		t.Errorf("%s", out)
	}
	if out, _ := exits(t, 0, "policy", "eval", "--print-input", "demo.test/shop/web:v1"); out != must(t, "image", "facts", "demo.test/shop/web:v1") {
		if !strings.Contains(out, `"repository": "shop/web"`) {
			t.Errorf("%s", out)
		}
	}
	must(t, "policy", "apply", "-f", "p/pay.yaml")
	if out, _ := exits(t, 1, "policy", "eval"); !strings.Contains(out, "required_labels") {
		t.Errorf("in force: %s", out)
	}
	fails(t, []string{"image", "facts", "demo.test/none:v1"}, "demo.test/none:v1")
	fails(t, []string{"image", "facts", "demo.test/shop/web:v1", "--platform", "linux/s390x"}, "only for linux/amd64")
	if _, errOut := exits(t, 2, "policy", "eval", "-f", "p", "demo.test/none:v1"); !strings.Contains(errOut, "demo.test/none:v1") {
		t.Errorf("%s", errOut)
	}
}

func TestPolicyDiff(t *testing.T) {
	r := serveConsole(t)
	r.pulled(t, "demo.test/pay/api:v1", "demo.test/shop/web:v1")
	write(t, "old/p.yaml", "name: p\nscope: image.repo.shop/*\nrequired_labels_enabled: true\nrequired_labels: [{key: team}]\n")
	write(t, "new/p.yaml", "name: p\nscope: image.repo.pay/*\nrequired_labels_enabled: true\nrequired_labels: [{key: team}]\n")
	out, _ := exits(t, 1, "policy", "diff", "old", "new")
	golden(t, "policy-diff", out)
	if out, _ := exits(t, 0, "policy", "diff", "old", "old"); out != "2 images judged: 0 flip, 0 of them to denied\n" {
		t.Errorf("%q", out)
	}
	if out, _ := exits(t, 1, "policy", "diff", "new"); !strings.Contains(out, "1 flips, 1 of them to denied") {
		t.Errorf("with what is in force: %s", out)
	}
	if out, _ := exits(t, 0, "policy", "diff", "new", "--image", "shop"); !strings.HasPrefix(out, "1 image judged: 0 flip") {
		t.Errorf("%s", out)
	}
	write(t, "facts.json", rootFacts+"\n"+`{"image":{"repository":"shop/web"}}`)
	out, _ = exits(t, 1, "policy", "diff", "old", "new", "--input", "facts.json", "-o", "json")
	var d comparison
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.Summary.Images != 2 || d.Summary.Flips != 2 || d.Changes[0].After.Action != author.Deny || d.Changes[1].After.Action != author.Allow {
		t.Errorf("%+v %v", d, err)
	}
	exits(t, 1, "policy", "diff", "new", "--input", "facts.json")
	for _, args := range [][]string{{"none"}, {"old", "none"}, {"old", "new", "--input", "none.json"}} {
		if _, errOut := exits(t, 2, append([]string{"policy", "diff"}, args...)...); !strings.Contains(errOut, "none") {
			t.Errorf("%s", errOut)
		}
	}
}

func TestTranslateAll(t *testing.T) {
	examples(t, nil)
	out, _ := exits(t, 0, "policy", "translate", "--all", "-f", "policies", "-o", "rego")
	if out != "8 files of 1 policy written to rego\n" {
		t.Errorf("%q", out)
	}
	for _, name := range []string{"assurance/payments.rego", "checks/registries.rego", "checks/registries_test.rego", "checks/data.yaml", "checks/payments/tag.rego", "payments_test.rego", "payments.yaml", "schemas/input.json"} {
		if _, err := os.Stat(filepath.Join("rego", name)); err != nil {
			t.Error(err)
		}
	}
	// Our own commands take it as it is, and so does opa.
	exits(t, 0, "policy", "check", "rego")
	if out, _ := exits(t, 0, "policy", "test", "rego"); out != "PASS: 5/5\n" {
		t.Errorf("%s", out)
	}
	exits(t, 0, "policy", "bundle", "-f", "rego", "-o", "bundle.tar.gz")
	if _, errOut := exits(t, 1, "policy", "translate", "--all", "-f", "policies", "-o", "rego"); !strings.Contains(errOut, "rego is not empty") {
		t.Errorf("%s", errOut)
	}
	if _, errOut := exits(t, 1, "policy", "translate", "--all", "-f", "policies"); !strings.Contains(errOut, "-o") {
		t.Errorf("%s", errOut)
	}
	if _, errOut := exits(t, 1, "policy", "translate", "--all", "payments", "-o", "x"); !strings.Contains(errOut, "leave out payments") {
		t.Errorf("%s", errOut)
	}
	stale := filepath.Join("rego", "assurance", "payments.rego")
	b, err := os.ReadFile(stale)
	if err != nil {
		t.Fatal(err)
	}
	write(t, stale, strings.Replace(string(b), "runs as root", "is root", 1))
	if _, errOut := exits(t, 1, "policy", "check", "rego"); !strings.Contains(errOut, stale+": is generated, and not what its policy is translated to now") {
		t.Errorf("%s", errOut)
	}
	write(t, stale, string(b))
	opa := testenv.OPA(t)
	for _, args := range [][]string{{"check", "-b", "--strict", "-s", "rego/schemas/input.json", "rego"}, {"test", "-b", "rego"}, {"fmt", "--fail", "-l", "rego/assurance"}} {
		if b, err := exec.CommandContext(t.Context(), opa, args...).CombinedOutput(); err != nil {
			t.Errorf("opa %v: %s", args, b)
		}
	}
}

func TestPolicyNamesAndDryRun(t *testing.T) {
	serveConsole(t)
	write(t, "payments.yaml", paymentsYAML)
	if out := must(t, "policy", "apply", "--dry-run", "-f", "payments.yaml"); out != "policy payments would be created\n" {
		t.Errorf("%q", out)
	}
	fails(t, []string{"policy", "get", "payments"}, "payments")
	must(t, "policy", "apply", "-f", "payments.yaml")
	if out := must(t, "policy", "apply", "--dry-run", "-f", "payments.yaml"); out != "policy payments is in force as it is\n" {
		t.Errorf("%q", out)
	}
	write(t, "payments.yaml", paymentsYAML+"dta_severity: high\n")
	golden(t, "policy-apply-dry-run", must(t, "policy", "apply", "--dry-run", "-f", "payments.yaml"))
	if out := must(t, "policy", "get", "payments"); strings.Contains(out, "high") {
		t.Errorf("it was applied: %s", out)
	}
	for _, verb := range []string{"get", "translate", "delete"} {
		fails(t, []string{"policy", verb, "paymets"}, `did you mean "payments"?`)
		fails(t, []string{"policy", verb, "nothing-like-it"}, "there are DTA, Default, payments")
	}
	out := must(t, "policy", "translate", "--all", "-o", "rego")
	if !strings.Contains(out, "of 3 policies written to rego") {
		t.Errorf("%s", out)
	}
	exits(t, 0, "policy", "check", "rego")
}
