package gate

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

func TestMessages(t *testing.T) {
	ref := image.Reference{Registry: "docker.io", Repository: "library/x", Tag: "1", Digest: digest.FromString("x")}
	short := "sallyport: docker.io/library/x:1@sha256:" + ref.Digest.Encoded()[:12] + "…"
	failed := func(names ...string) []Judged {
		var checks []policies.Check
		for _, n := range names {
			checks = append(checks, policies.Check{PolicyName: n, Control: "dta", Failed: true, Blocking: true})
		}
		return []Judged{{Result: policies.Result{Checks: checks}, Verdict: &verdict.Verdict{Report: "sha256:x"}}, {Result: policies.Result{Checks: checks[:1]}}}
	}
	for name, test := range map[string]struct {
		d    Decision
		want string
	}{
		"waiting": {Decision{Action: Wait, Policy: "DTA", State: "queued, position 2", RetryAfter: 15 * time.Second},
			` is being analysed (policy "DTA"): queued, position 2; try again in 15 s; decision ID`},
		"denied": {Decision{Action: Deny, Policy: "DTA", Control: "dta", Reason: "malicious — x: y", Judged: failed("DTA")},
			` denied by policy "DTA", control dta: malicious — x: y; report: sallyport report docker.io/library/x:1; decision ID`},
		"denied for several reasons": {Decision{Action: Deny, Policy: "A", Control: "dta", Reason: "r", Judged: failed("A", "B", "C")},
			` denied by policy "A", control dta: r (and 2 more); report: sallyport report docker.io/library/x:1; decision ID`},
		"denied without report":   {Decision{Action: Deny, Policy: "A", Control: "root_user", Reason: "runs as root"}, ` denied by policy "A", control root_user: runs as root; decision ID`},
		"blocked":                 {Decision{Action: Deny, Permission: "it blocked by ada: why"}, ` denied: it blocked by ada: why; decision ID`},
		"allowed":                 {Decision{Action: Allow}, ` allowed; decision ID`},
		"allowed by a person":     {Decision{Action: Allow, Permission: "it allowed by ada: why"}, ` allowed: it allowed by ada: why; decision ID`},
		"artifact":                {Decision{Action: Allow, Passed: "SBOM"}, ` passes: SBOM; decision ID`},
		"text from within images": {Decision{Action: Deny, Policy: "A", Control: "c", Reason: "a\r\nb\x1b[2J\u202e\xff" + strings.Repeat("x", 1000)}, ` denied by policy "A", control c: a  b�[2J��` + strings.Repeat("x", 389) + `…; decision ID`},
	} {
		t.Run(name, func(t *testing.T) {
			test.d.ID, test.d.Reference = "ID", ref
			if got := message(test.d); got != short+test.want {
				t.Errorf("message\n got %s\nwant %s", got, short+test.want)
			}
		})
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\nb\x00\u2028\u202e")
	f.Add("\xff\xfe")
	f.Add(strings.Repeat("é", 1000))
	f.Fuzz(func(t *testing.T, s string) {
		got := line(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxReason {
			t.Fatalf("line(%q) = %q", s, got)
		}
		for _, c := range got {
			if !unicode.IsPrint(c) {
				t.Fatalf("line(%q) holds %U", s, c)
			}
		}
	})
}
