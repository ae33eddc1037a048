package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
)

// PredicateType names the predicate of our statements.
const PredicateType = "https://github.com/sallyport-dev/sallyport/attestation/dynamic-analysis/v1"

// statement is an in-toto statement, version 1
// (github.com/in-toto/attestation, spec/v1/statement.md).
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Predicate is what a statement says: the conclusion, by which rules, and how
// much was seen. The evidence is in the report.
type Predicate struct {
	Verdict   report.Conclusion  `json:"verdict"`
	Malicious bool               `json:"malicious"`
	Severity  report.Severity    `json:"severity,omitempty"`
	Score     int                `json:"score"`
	Summary   string             `json:"summary"`
	Platform  string             `json:"platform"`
	Analyzer  Analyzer           `json:"analyzer"`
	Run       PredicateRun       `json:"run"`
	Findings  []PredicateFinding `json:"findings"`
	Behash    string             `json:"behash"`

	// Issued is when this was said, in statements that are signed. The time of
	// the run does not tell: other rules may judge it later. Of several
	// statements about an image the latest counts.
	Issued *time.Time `json:"issued,omitempty"`
}

// Analyzer is who says so.
type Analyzer struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Ruleset       string `json:"ruleset"`
	AttackVersion string `json:"attack_version"`
	Runtime       string `json:"runtime"`
	Scan          string `json:"scan_id"`
}

// PredicateRun is how the image was run.
type PredicateRun struct {
	Started     time.Time       `json:"started"`
	Finished    time.Time       `json:"finished"`
	Status      string          `json:"status"`
	NetworkMode string          `json:"network_mode"`
	Passes      []string        `json:"passes"`
	Coverage    report.Coverage `json:"coverage"`
}

// PredicateFinding is one behaviour that was seen.
type PredicateFinding struct {
	Slug      string          `json:"slug"`
	Category  report.Category `json:"category"`
	Severity  report.Severity `json:"severity"`
	Malicious bool            `json:"malicious"`
	Attack    []string        `json:"attack"`
}

// Statement writes an in-toto statement about r's image, whose predicate is a
// Predicate. Errors are w's, or that r names no digest.
func Statement(w io.Writer, r *report.Report) error { return state(w, r, nil) }

// IssuedStatement is Statement with the time at which it is issued.
func IssuedStatement(w io.Writer, r *report.Report, issued time.Time) error {
	issued = issued.UTC().Truncate(time.Millisecond)
	return state(w, r, &issued)
}

func state(w io.Writer, r *report.Report, issued *time.Time) error {
	algorithm, hex, ok := strings.Cut(r.Image.Digest, ":")
	if !ok || hex == "" {
		return fmt.Errorf("the report names no digest of the image, so nothing can be stated about one: %q", r.Image.Digest)
	}
	s := statement{
		Type: "https://in-toto.io/Statement/v1", PredicateType: PredicateType,
		Subject: []subject{{cmp.Or(imageName(r), r.Image.Digest), map[string]string{algorithm: hex}}},
		Predicate: Predicate{
			Verdict: r.Verdict, Malicious: r.Malicious, Severity: r.Severity, Score: r.Score, Summary: r.Summary, Platform: r.Image.Platform.String(),
			Analyzer: Analyzer{r.Tool.Name, r.Tool.Version, r.Tool.Ruleset, r.Tool.AttackVersion, r.Tool.Runtime, r.ID},
			Run:      PredicateRun{r.Run.Started, r.Run.Finished, r.Run.Status, r.Run.NetworkMode, r.Run.Passes, r.Run.Coverage},
			Findings: []PredicateFinding{}, Behash: r.Behash, Issued: issued,
		},
	}
	for _, f := range r.Findings {
		p := PredicateFinding{f.Slug, f.Category, f.Severity, f.Malicious, []string{}}
		for _, a := range f.Attack {
			p.Attack = append(p.Attack, a.ID)
		}
		slices.Sort(p.Attack)
		s.Predicate.Findings = append(s.Predicate.Findings, p)
	}
	return encode(w, s)
}
