package gate

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/sallyport-dev/sallyport/image"
)

// maxReason is how much of a reason a message holds, in runes; the decision has all of it.
const maxReason = 400

// message is the decision in one line for people.
func message(d Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sallyport: %s", short(d.Reference))
	switch {
	case d.Action == Wait:
		fmt.Fprintf(&b, " is being analysed (policy %q): %s; try again in %d s", d.Policy, line(d.State), int(d.RetryAfter.Seconds()))
	case d.Action == Deny && d.Permission != "":
		fmt.Fprintf(&b, " denied: %s", line(d.Permission))
	case d.Action == Deny:
		fmt.Fprintf(&b, " denied by policy %q, control %s: %s", d.Policy, d.Control, line(d.Reason))
		if more := failures(d) - 1; more > 0 {
			fmt.Fprintf(&b, " (and %d more)", more)
		}
		if analysed(d) {
			fmt.Fprintf(&b, "; report: sallyport report %s", tagged(d.Reference))
		}
	case d.Passed != "":
		fmt.Fprintf(&b, " passes: %s", line(d.Passed))
	default:
		b.WriteString(" allowed")
		if d.Permission != "" {
			fmt.Fprintf(&b, ": %s", line(d.Permission))
		}
	}
	fmt.Fprintf(&b, "; decision %s", d.ID)
	return b.String()
}

// failures counts the failed controls that block, over all images.
func failures(d Decision) int {
	seen := map[string]bool{}
	for _, j := range d.Judged {
		for _, c := range j.Result.Checks {
			if c.Failed && c.Blocking {
				seen[c.PolicyName+" "+c.Control] = true
			}
		}
	}
	return len(seen)
}

// analysed tells whether there is a report to read.
func analysed(d Decision) bool {
	for _, j := range d.Judged {
		if j.Verdict != nil && j.Verdict.Report != "" {
			return true
		}
	}
	return false
}

// short is the reference with a digest that people can compare.
func short(r image.Reference) string {
	s := r.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		hex := r.Digest.Encoded()
		s += fmt.Sprintf("@%s:%s…", r.Digest.Algorithm(), hex[:min(12, len(hex))])
	}
	return s
}

// tagged is the reference as commands take it, by tag where there is one.
func tagged(r image.Reference) string {
	if r.Tag != "" {
		r.Digest = ""
	}
	return r.String()
}

// line makes any text one line of limited length: messages travel in headers,
// terminals and logs.
func line(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return '\uFFFD'
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > maxReason {
		s = string(r[:maxReason-1]) + "…"
	}
	return strings.TrimSpace(s)
}
