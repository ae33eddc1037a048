package policies

import (
	"cmp"
	"fmt"
	"slices"
)

// summary is what rules mostly ask, worked out once for each image: reading it
// costs a hundredth of a look at every vulnerability.
type summary struct {
	Vulnerabilities tally `json:"vulnerabilities"` // how many, and how bad
	Packages        int   `json:"packages"`        // how many
	Malware         int   `json:"malware"`         // how many files
	Secrets         int   `json:"secrets"`         // how many
}

type tally struct {
	All     worst `json:"all"`     // those with and without a fix
	Fixable worst `json:"fixable"` // those that have a fix
}

// worst sums up vulnerabilities. Without any, severity is empty and score 0.
type worst struct {
	Count         int            `json:"count"`           // how many
	BySeverity    map[string]int `json:"by_severity"`     // how many of each severity; unknown for those without
	MaxSeverity   string         `json:"max_severity"`    // the worst: negligible, low, medium, high, critical; empty when there are none
	MaxSeverityIn string         `json:"max_severity_in"` // identifier (package)
	MaxScore      float64        `json:"max_score"`       // the highest CVSS score, 0 to 10
	MaxScoreIn    string         `json:"max_score_in"`    // identifier (package)
}

// reduced is all that is known of one identifier, over all packages.
type reduced struct {
	Severity string   `json:"severity"` // the worst of all packages
	Score    float64  `json:"score"`    // the highest of all packages
	Fixable  bool     `json:"fixable"`  // in some package
	Packages []string `json:"packages"` // names of those that have it
}

func (in *Input) summary() summary {
	var s summary
	for i := range in.Vulnerabilities.Items {
		v := &in.Vulnerabilities.Items[i]
		s.Vulnerabilities.All.add(v)
		if v.FixVersion != "" {
			s.Vulnerabilities.Fixable.add(v)
		}
	}
	s.Packages, s.Malware, s.Secrets = len(in.Packages.Items), len(in.Malware.Items), len(in.Secrets.Items)
	return s
}

func (w *worst) add(v *Vulnerability) {
	if w.BySeverity == nil {
		w.BySeverity = map[string]int{}
	}
	w.Count++
	w.BySeverity[cmp.Or(v.Severity, "unknown")]++
	if severityRank(v.Severity) > severityRank(w.MaxSeverity) {
		w.MaxSeverity, w.MaxSeverityIn = v.Severity, fmt.Sprintf("%s (%s)", v.ID, v.Package)
	}
	if v.Score > w.MaxScore {
		w.MaxScore, w.MaxScoreIn = v.Score, fmt.Sprintf("%s (%s)", v.ID, v.Package)
	}
}

// severityRank orders severities; unknown ones come first.
func severityRank(s string) int {
	return slices.Index([]string{"negligible", "low", "medium", "high", "critical"}, s) + 1
}

func (v *Vulnerabilities) byID() map[string]*reduced {
	all := make(map[string]*reduced, len(v.Items))
	for i := range v.Items {
		item := &v.Items[i]
		r := all[item.ID]
		if r == nil {
			r = &reduced{Severity: item.Severity}
			all[item.ID] = r
		}
		if severityRank(item.Severity) > severityRank(r.Severity) {
			r.Severity = item.Severity
		}
		r.Score = max(r.Score, item.Score)
		r.Fixable = r.Fixable || item.FixVersion != ""
		if !slices.Contains(r.Packages, item.Package) {
			r.Packages = append(r.Packages, item.Package)
		}
	}
	return all
}
