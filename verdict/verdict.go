// Package verdict remembers what is known of a digest's behaviour: the
// conclusion of its last sandbox run, and the report behind it.
//
// Reports and verdicts go in once, and are read at every decision: from a
// local cache, then Redis, then objects. Redis may be lost at any moment; the
// objects are the truth. The package neither runs nor judges anything.
package verdict

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/report"
)

// Verdict is the conclusion for one digest. It is immutable; a new run makes a
// new one with a later Time.
type Verdict struct {
	Digest     digest.Digest     `json:"digest"` // platform manifest
	Conclusion report.Conclusion `json:"conclusion"`
	Reason     string            `json:"reason,omitempty"`   // of inconclusive and skipped
	Severity   report.Severity   `json:"severity,omitempty"` // highest finding
	Findings   []Finding         `json:"findings,omitempty"` // all, worst first
	Report     digest.Digest     `json:"report,omitempty"`   // of the report's bytes
	Ruleset    string            `json:"ruleset,omitempty"`
	Time       time.Time         `json:"time"`
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
	return v.Time.UTC().Format(time.RFC3339Nano) + "/" + v.Report.Encoded()
}
