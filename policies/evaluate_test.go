package policies_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/builtin"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/report"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func TestDynamicAnalysisControl(t *testing.T) {
	shell := policies.DTAFinding{Slug: "reverse-shell", Severity: report.Critical, Malicious: true, Message: "/bin/sh talked to 192.0.2.7:4444"}
	malicious := policies.DTA{Status: "done", Verdict: report.Malicious, Malicious: true, Severity: report.Critical, Time: now.Add(-time.Hour), Findings: []policies.DTAFinding{shell}}
	suspicious := policies.DTA{Status: "done", Verdict: report.Suspicious, Severity: report.High, Time: now.Add(-time.Hour)}
	mild := policies.DTA{Status: "done", Verdict: report.Clean, Severity: report.Info, Time: now.Add(-time.Hour)}
	clean := policies.DTA{Status: "done", Verdict: report.Clean, Time: now.Add(-40 * 24 * time.Hour)}
	unclear := policies.DTA{Status: "done", Verdict: report.Inconclusive, Reason: "no entrypoint", Time: now}
	unclearButBad := policies.DTA{Status: "done", Verdict: report.Inconclusive, Severity: report.High, Time: now}
	skipped := policies.DTA{Status: "skipped", Reason: "windows image"}

	for _, c := range []struct {
		name    string
		policy  string // added to an otherwise plain policy
		dta     policies.DTA
		want    string // passed, failed, skipped, pending or warning
		message string
	}{
		{"no verdict yet", "", policies.DTA{Status: "none"}, "pending", "waits for dynamic analysis"},
		{"being run", "", policies.DTA{Status: "pending"}, "pending", "waits"},
		{"unknown state waits", "", policies.DTA{}, "pending", "waits"},
		{"malicious", "", malicious, "failed", "malicious when run: /bin/sh talked to 192.0.2.7:4444"},
		{"malicious whatever the severity", "dta_severity: critical", func() policies.DTA { m := malicious; m.Severity = report.Low; return m }(), "failed", "malicious"},
		{"severity alone with no threshold", "", suspicious, "passed", ""},
		{"severity below the threshold", "dta_severity: critical", suspicious, "passed", ""},
		{"severity equal to the threshold", "dta_severity: high", suspicious, "failed", "severity high when run (fails from high on): no finding was recorded"},
		{"severity above the threshold", "dta_severity: low", suspicious, "failed", "severity high"},
		{"info fails from negligible on", "dta_severity: negligible", mild, "failed", "severity info"},
		{"info passes from low on", "dta_severity: low", mild, "passed", ""},
		{"clean", "dta_severity: negligible", clean, "passed", ""},
		{"clean, but long ago", "sallyport: {max_verdict_age: 30d}", clean, "pending", "older than 30d"},
		{"clean within the age", "sallyport: {max_verdict_age: 41d}", clean, "passed", ""},
		{"malice does not age", "sallyport: {max_verdict_age: 30m}", malicious, "failed", "malicious"},
		{"inconclusive long ago is asked again", "sallyport: {max_verdict_age: 30m, inconclusive: block}", func() policies.DTA { u := unclear; u.Time = now.Add(-time.Hour); return u }(), "pending", "older"},
		{"inconclusive warns", "", unclear, "warning", "inconclusive: no entrypoint"},
		{"inconclusive blocks", "sallyport: {inconclusive: block}", unclear, "failed", "inconclusive: no entrypoint"},
		{"inconclusive passes", "sallyport: {inconclusive: pass}", unclear, "passed", ""},
		{"inconclusive, but what was seen is enough", "dta_severity: high", unclearButBad, "failed", "severity high"},
		{"skipped passes", "dta_severity: low", skipped, "skipped", "windows image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := compile(t, "name: p\ndta_enabled: true\n"+c.policy)
			in := nginx()
			in.DTA = c.dta
			r := evaluate(t, set, in)
			if len(r.Checks) != 1 || r.Checks[0].Control != "dta" {
				t.Fatalf("checks %+v", r.Checks)
			}
			got := r.Checks[0]
			if outcome(got) != c.want || !strings.Contains(got.Message, c.message) {
				t.Errorf("%s: %q, want %s: %q", outcome(got), got.Message, c.want, c.message)
			}
			if r.Disallowed != (c.want == "failed") || (r.Pending != "") != (c.want == "pending") || !r.NeedsDTA {
				t.Errorf("result %+v", r)
			}
			if got.Failed != got.Blocking {
				t.Errorf("failed %v, blocking %v", got.Failed, got.Blocking)
			}
		})
	}
}

func TestPolicyThatDoesNotBlock(t *testing.T) {
	set := compile(t, "name: p\ndta_enabled: true\nblock_failed: false\nfail_cicd: false\naudit_on_failure: true\nsallyport: {pending: block}")
	in := nginx()
	in.DTA = policies.DTA{Status: "done", Malicious: true}
	if r := evaluate(t, set, in); r.Disallowed || r.FailCICD || !r.Audit || len(r.Failures) != 1 || r.Failures[0].Blocking || r.Checks[0].Blocking {
		t.Errorf("malicious: %+v", r)
	}
	in.DTA = policies.DTA{Status: "none"}
	if r := evaluate(t, set, in); r.Pending != policies.PendingAllow || !r.NeedsDTA {
		t.Errorf("pending: %+v", r)
	}
}

func TestStrictestPendingWins(t *testing.T) {
	for want, texts := range map[policies.Pending][]string{
		policies.PendingHold:  {"name: a\ndta_enabled: true", "name: b\ndta_enabled: true\nsallyport: {pending: allow}"},
		policies.PendingBlock: {"name: a\ndta_enabled: true\nsallyport: {pending: block}", "name: b\ndta_enabled: true"},
		policies.PendingAllow: {"name: a\ndta_enabled: true\nsallyport: {pending: allow}", "name: b\ndisallow_malware: false"},
	} {
		if r := evaluate(t, compile(t, texts...), nginx()); r.Pending != want {
			t.Errorf("%v: %s", texts, r.Pending)
		}
	}
}

// Every policy that includes the image is asked, none is that does not.
func TestAllApplicablePoliciesAreAsked(t *testing.T) {
	set := compile(t,
		"name: tagged\nscope: image.name.*:DTA\ndta_enabled: true",
		"name: labelled\nscope: aqua.label.DTA\ndta_enabled: true\nblock_failed: false",
		"name: elsewhere\nscope: image.repo.other\ndta_enabled: true",
		"name: in-prod\nscope: kubernetes.namespace.prod\ndta_enabled: true",
		"name: switched-off\nenabled: false\ndta_enabled: true",
		"name: for-hosts\nassurance_type: host\ndta_enabled: true",
	)
	in := nginx()
	in.DTA = policies.DTA{Status: "done", Malicious: true, Severity: report.High}
	r := evaluate(t, set, in)
	if !slices.Equal(r.Applicable, []string{"labelled", "tagged"}) || len(r.Failures) != 2 || !r.Disallowed {
		t.Errorf("result %+v", r)
	}
	if !slices.Equal(r.Undecided, []string{"in-prod"}) {
		t.Errorf("undecided %v", r.Undecided)
	}
	in.Context = policies.Context{Kind: "admission", Namespace: "prod"}
	if r := evaluate(t, set, in); !slices.Contains(r.Applicable, "in-prod") || len(r.Undecided) != 0 {
		t.Errorf("in the namespace: %+v", r)
	}
	if len(set.Policies()) != 6 {
		t.Errorf("%d policies are kept", len(set.Policies()))
	}
}

func TestBuiltInPolicies(t *testing.T) {
	docs, err := builtin.Documents()
	if err != nil {
		t.Fatal(err)
	}
	set, err := policies.Compile(context.Background(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := nginx()
	in.Image.Tags = []string{"latest"}
	in.DTA.Malicious = true
	if r := evaluate(t, set, in); r.NeedsDTA || r.Disallowed || !slices.Equal(r.Applicable, []string{"Default"}) {
		t.Errorf("an image with the label only: %+v", r)
	}
	in.Image.Tags = []string{"latest", "DTA"}
	if r := evaluate(t, set, in); !r.NeedsDTA || r.Pending != policies.PendingHold {
		t.Errorf("an image with the tag: %+v", r)
	}
	dta, ok := set.Policy("DTA")
	if !ok || dta.Scope != "image.name.*:DTA" || !dta.Document.ReadOnly {
		t.Errorf("policy %+v", dta)
	}
}

func TestResultSaysHowLongItHolds(t *testing.T) {
	set := compile(t, "name: p\ndta_enabled: true\nsallyport: {max_verdict_age: 30d}")
	in := nginx()
	in.DTA = policies.DTA{Status: "done", Verdict: report.Clean, Time: now.Add(-24 * time.Hour)}
	if r := evaluate(t, set, in); !r.Until.Equal(now.Add(29 * 24 * time.Hour)) {
		t.Errorf("until %v", r.Until)
	}
	in.DTA.Status = "none"
	if r := evaluate(t, set, in); !r.Until.IsZero() {
		t.Errorf("until %v without a verdict", r.Until)
	}
}

func TestGenerations(t *testing.T) {
	ctx := context.Background()
	a, b := "name: a\ndta_enabled: true", "name: b\ndta_enabled: true"
	one, same := compile(t, a, b), compile(t, b, a)
	if one.Generation() == "" || one.Generation() != same.Generation() {
		t.Errorf("the order of documents makes a difference: %s, %s", one.Generation(), same.Generation())
	}
	changed, err := one.With(ctx, []policies.Document{parse(t, "name: b\ndta_enabled: true\ndta_severity: low")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if changed.Generation() == one.Generation() || len(changed.Policies()) != 2 {
		t.Error("a changed document makes no new generation")
	}
	back, err := changed.With(ctx, []policies.Document{parse(t, b)}, nil)
	if err != nil || back.Generation() != one.Generation() {
		t.Errorf("the same documents make another generation: %v", err)
	}
	without, err := one.With(ctx, nil, []string{"a", "never there"})
	if err != nil || len(without.Policies()) != 1 {
		t.Errorf("removed: %v", err)
	}
	if r := evaluate(t, one, nginx()); len(r.Applicable) != 2 || r.Generation != one.Generation() {
		t.Errorf("an older generation has changed: %+v", r)
	}
}

func TestFaultyDocumentsAreAllNamed(t *testing.T) {
	bad := document.New("bad")
	bad.Scope.Expression = "v1"
	worse := document.New("../worse")
	_, err := policies.Compile(context.Background(), []policies.Document{bad, document.New("good"), worse}, policies.Options{})
	if err == nil || !strings.Contains(err.Error(), `policy "bad"`) || !strings.Contains(err.Error(), `"../worse" cannot be`) {
		t.Errorf("error %v", err)
	}
	_, err = policies.Compile(context.Background(), []policies.Document{document.New("a"), document.New("a")}, policies.Options{})
	if err == nil || !strings.Contains(err.Error(), `named "a"`) {
		t.Errorf("error %v", err)
	}
}

func TestEndedRequestIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the client went away")
	cancel(gone)
	if _, err := compile(t, "name: a\ndta_enabled: true").Evaluate(ctx, nginx()); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}

func TestContextKey(t *testing.T) {
	set := compile(t, "name: a\nscope: kubernetes.namespace.prod OR image.name.x", "name: b\nenabled: false\nscope: kubernetes.cluster.c")
	key := func(c policies.Context) string { return set.ContextKey(c) }
	if key(policies.Context{Namespace: "a"}) == key(policies.Context{Namespace: "b"}) {
		t.Error("the namespace is read and makes no difference")
	}
	if key(policies.Context{Cluster: "a", Kind: "pull"}) != key(policies.Context{Cluster: "b", Labels: map[string]string{"x": "y"}}) {
		t.Error("what no scope reads makes a difference")
	}
}

// The facts document is the same by either way.
func TestFactsAsJSON(t *testing.T) {
	in := nginx()
	in.Now = now
	in.Context = policies.Context{Kind: "admission", Namespace: "prod", Labels: map[string]string{"a": "b"}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]map[string]any
	var withNow map[string]any
	if err := json.Unmarshal(b, &withNow); err != nil {
		t.Fatal(err)
	}
	if withNow["now"] != "2026-09-01T12:00:00Z" {
		t.Errorf("now is %v", withNow["now"])
	}
	delete(withNow, "now")
	rest, _ := json.Marshal(withNow)
	if err := json.Unmarshal(rest, &plain); err != nil {
		t.Fatal(err)
	}
	names, _ := json.Marshal(plain["image"]["names"])
	if string(names) != `["library/nginx:DTA","library/nginx:1.27","nginx:DTA","nginx:1.27"]` {
		t.Errorf("names %s", names)
	}
	if plain["context"]["namespace"] != "prod" || plain["dta"]["status"] != "none" {
		t.Errorf("%s", b)
	}
	var back policies.Input
	if err := json.Unmarshal(b, &back); err != nil || back.Image.Repository != in.Image.Repository || !back.Now.Equal(now) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestRulesReachNothing(t *testing.T) {
	have := map[string]bool{}
	for _, b := range engine.Capabilities().Builtins {
		have[b.Name] = true
	}
	for _, name := range []string{"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122", "time.now_ns", "rego.parse_module", "io.jwt.decode_verify", "io.jwt.encode_sign",
		"crypto.x509.parse_and_verify_certificates", "crypto.hmac.sha256", "crypto.parse_private_keys", "providers.aws.sign_req", "graphql.parse", "json.match_schema", "trace"} {
		if have[name] {
			t.Errorf("%s is allowed", name)
		}
	}
	for _, name := range []string{"startswith", "regex.match", "sprintf", "object.get", "time.parse_rfc3339_ns", "semver.compare", "crypto.sha256", "json.unmarshal", "count", "net.cidr_contains"} {
		if !have[name] {
			t.Errorf("%s is not allowed", name)
		}
	}
	if net := engine.Capabilities().AllowNet; net == nil || len(net) != 0 {
		t.Errorf("hosts that may be asked: %v", net)
	}
}

func nginx() *policies.Input {
	return &policies.Input{
		Now: now,
		Image: policies.Image{
			Registry: "docker.io", Repository: "library/nginx", Tags: []string{"DTA", "1.27"}, OS: "linux", Architecture: "amd64",
			Digest: "sha256:" + strings.Repeat("a", 64), AquaLabels: []string{"DTA"}, Labels: map[string]string{"stage": "prod"},
		},
		DTA: policies.DTA{Status: "none"},
	}
}

func outcome(c policies.Check) string {
	switch {
	case c.Failed:
		return "failed"
	case c.Pending:
		return "pending"
	case c.Skipped:
		return "skipped"
	case c.Warning:
		return "warning"
	}
	return "passed"
}

func parse(t testing.TB, text string) policies.Document {
	t.Helper()
	d, err := document.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func compile(t testing.TB, texts ...string) *policies.Set {
	t.Helper()
	var docs []policies.Document
	for _, text := range texts {
		docs = append(docs, parse(t, text))
	}
	set, err := policies.Compile(context.Background(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func evaluate(t testing.TB, set *policies.Set, in *policies.Input) policies.Result {
	t.Helper()
	r, err := set.Evaluate(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
