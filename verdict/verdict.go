// Package verdict remembers what is known of a digest's behaviour: the
// conclusion of its last sandbox run, and the report behind it.
//
// Reports and verdicts go in once, and are read at every decision: from a
// local cache, then Redis, then objects. Redis may be lost at any moment; the
// objects are the truth. The package neither runs nor judges anything.
package verdict

import (
	"cmp"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/report"
)

// Verdict is the conclusion for one digest. It is immutable; a new run makes a
// new one with a later Time, other rules one with another Report.
type Verdict struct {
	Digest     digest.Digest     `json:"digest"` // platform manifest
	Conclusion report.Conclusion `json:"conclusion"`
	Reason     string            `json:"reason,omitempty"`          // of inconclusive and skipped
	Severity   report.Severity   `json:"severity,omitempty"`        // highest finding
	Findings   []Finding         `json:"findings,omitempty"`        // all, worst first
	Report     digest.Digest     `json:"report,omitempty"`          // of the report's bytes
	Ruleset    string            `json:"ruleset,omitempty"`         // hash of the behaviour rules
	Rules      string            `json:"ruleset_version,omitempty"` // of the program that these rules came with, or that read them
	Time       time.Time         `json:"time"`                      // of the run: when its report became known
	Run        digest.Digest     `json:"run,omitempty"`             // of the bytes of the run's own report, when Report is a later judgement of it
	Rejudged   time.Time         `json:"rejudged,omitzero"`         // when that was
	RetryAt    time.Time         `json:"retry_at,omitzero"`         // of what could not be run: from when it is worth another try
	Subject    Subject           `json:"subject,omitzero"`
}

// Subject is the manifest that a verdict is about, as a descriptor.
type Subject struct {
	Digest    digest.Digest `json:"digest"`
	MediaType string        `json:"media_type"`
	Size      int64         `json:"size"`           // bytes of the manifest
	Name      string        `json:"name,omitempty"` // reference under which it was run
}

// Finding is one line of a verdict: what rules and messages need of report.Finding.
type Finding struct {
	Slug      string          `json:"slug"`
	Name      string          `json:"name"`
	Category  report.Category `json:"category"`
	Severity  report.Severity `json:"severity"`
	Malicious bool            `json:"malicious"`
	Message   string          `json:"message"`
}

// Version identifies the verdict in decision keys: it changes whenever a
// different verdict takes its place.
func (v Verdict) Version() string {
	return v.Time.UTC().Format(time.RFC3339Nano) + "/" + string(v.Report)
}

// FromReport is the verdict that a report of a run of subject amounts to. raw
// is the digest of the report's bytes, at when it became known. Text from the
// sandbox is escaped, so that it fits messages.
func FromReport(r *report.Report, subject Subject, raw digest.Digest, at time.Time) Verdict {
	v := Verdict{
		Digest: subject.Digest, Conclusion: r.Verdict, Severity: r.Severity, Report: raw, Ruleset: r.Tool.Ruleset, Rules: line(r.Tool.Version), Time: at.UTC(), Subject: subject,
	}
	switch {
	case r.DTASkipped:
		v.Conclusion, v.Reason = report.Skipped, line(r.DTASkippedReason)
	case r.Malicious:
		v.Conclusion = report.Malicious
	case r.Verdict == report.Inconclusive || r.Verdict == report.Skipped:
		v.Reason = line(cmp.Or(r.Run.Reason, r.Summary))
	}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, Finding{
			Slug: f.Slug, Name: line(f.Name), Category: f.Category, Severity: f.Severity, Malicious: f.Malicious, Message: line(f.Message),
		})
		// Never milder than what was found.
		if f.Severity.Rank() > v.Severity.Rank() {
			v.Severity = f.Severity
		}
	}
	slices.SortStableFunc(v.Findings, worse)
	return v
}

func worse(a, b Finding) int {
	if a.Malicious != b.Malicious {
		if a.Malicious {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), cmp.Compare(a.Slug, b.Slug))
}

// conclusive tells the verdicts that stand until another run concludes something.
func (v Verdict) conclusive() bool {
	switch v.Conclusion {
	case report.Malicious, report.Suspicious, report.Clean:
		return true
	}
	return false
}

// run is the report under which the evidence of the run is kept.
func (v Verdict) run() digest.Digest { return cmp.Or(v.Run, v.Report) }

// maxLine is how much of a text a verdict keeps, in runes; the report has all of it.
const maxLine = 300

func line(s string) string {
	s = report.Escape(s)
	if r := []rune(s); len(r) > maxLine {
		s = string(r[:maxLine-1]) + "…"
	}
	return s
}
