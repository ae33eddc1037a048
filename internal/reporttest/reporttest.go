// Package reporttest makes valid reports for tests.
package reporttest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
)

// Report is a report about d that concludes c; a malicious one with a reverse
// shell as its one finding.
func Report(d digest.Digest, c report.Conclusion) *report.Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		ID:            "run-1",
		Tool:          report.Tool{Name: "sallyport", Version: "test", Ruleset: "rules-1", AttackVersion: "17", Runtime: "test"},
		Image: report.Image{
			Reference: "registry.test/app:1", Digest: d.String(), Platform: image.Platform{OS: "linux", Architecture: "amd64"},
			ConfigDigest: d.String(), Entrypoint: []string{"/app"}, Cmd: []string{}, Exposed: []string{},
		},
		Run: report.Run{
			Started: start, Finished: start.Add(time.Second), DurationS: 1, Profile: "default", NetworkMode: "simulated", Passes: []string{"entrypoint"},
			Exit: &report.Exit{}, Status: "completed",
			Coverage: report.Coverage{RanEntrypoint: true, FullWindow: true, PortsProbed: []int{}, UnmetDownloads: []string{}, Unsupported: []string{}},
		},
		Verdict: c, Summary: "a test",
		Findings: []report.Finding{}, Processes: []report.Process{},
		Network: report.Network{Edges: []report.Edge{}, DNS: []report.DNS{}, HTTP: []report.HTTP{}},
		Files:   report.Files{Created: []report.File{}, Modified: []report.File{}, Deleted: []string{}},
	}
	switch c {
	case report.Malicious:
		r.Malicious, r.Severity, r.Score = true, report.Critical, 100
		r.Findings = []report.Finding{{
			ID: "f1", Slug: "reverse-shell", Name: "Reverse shell", Category: report.InitialExecution, Severity: report.Critical, Malicious: true, Confidence: 100,
			Attack: []report.Attack{{ID: "T1059.004"}}, Count: 1, Lineage: "l1", Message: "/bin/sh has its standard input and output on 203.0.113.7:4444",
			Description: "d", Remediation: "r", Evidence: []report.Evidence{{Type: "network", Event: 1, Dst: "203.0.113.7:4444"}},
		}}
	case report.Suspicious:
		r.Severity, r.Score = report.High, 50
		r.Findings = []report.Finding{{
			ID: "f1", Slug: "scan-horizontal", Name: "Scan", Category: report.Propagation, Severity: report.High, Confidence: 80,
			Attack: []report.Attack{}, Count: 1, Lineage: "l1", Message: "40 addresses asked", Description: "d", Remediation: "r",
			Evidence: []report.Evidence{{Type: "network", Event: 1, Dst: "198.51.100.1:22"}},
		}}
	case report.Inconclusive:
		r.Run.Status, r.Run.Reason = "failed", "the entrypoint did not start"
	case report.Skipped:
		r.DTASkipped, r.DTASkippedReason = true, "not a Linux image"
	}
	for _, category := range report.Categories() {
		tile := report.Tile{Category: category}
		for _, f := range r.Findings {
			if f.Category == category {
				tile.Findings, tile.Severity, tile.Malicious = tile.Findings+1, f.Severity, f.Malicious
			}
		}
		r.Categories = append(r.Categories, tile)
	}
	return r
}

// JSON is Report, encoded.
func JSON(t testing.TB, d digest.Digest, c report.Conclusion) []byte {
	t.Helper()
	b, err := json.Marshal(Report(d, c))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
