package translate

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-dev/sallyport/policies/document"
)

// plain tells whether all vulnerabilities count, or all that have a fix: then
// the summary of the facts is enough, which is far quicker than a look at each.
func plain(d *document.Document) bool { return len(filters(d)) == 0 && !d.CustomSeverityEnabled }

// filters are the conditions, but for having a fix, under which the
// vulnerability v counts for the policy.
func filters(d *document.Document) []string {
	var lines []string
	if d.CVEsIgnoredEnabled && len(d.CVEsIgnored) > 0 {
		lines = append(lines, "not v.id in "+set(d.CVEsIgnored))
	}
	if d.IgnoreBaseImage {
		lines = append(lines, "not v.from_base_image")
	}
	if d.IgnoreRecentlyPublished && d.RecentlyPublishedDays > 0 {
		lines = append(lines, fmt.Sprintf("not recent(v, \"published\", %d)", nanoseconds(d.RecentlyPublishedDays)))
	}
	if d.IgnoreRecentlyFixed && d.RecentlyFixedDays > 0 {
		lines = append(lines, fmt.Sprintf("not recent(v, \"fix_published\", %d)", nanoseconds(d.RecentlyFixedDays)))
	}
	if ignoresPaths(d) {
		lines = append(lines, "not ignored_path(v.path)")
	}
	return lines
}

func nanoseconds(days int) int64 { return int64(days) * int64(24*time.Hour) }

// checkRanges finds ranges of scores that could not be meant.
func checkRanges(d *document.Document) error {
	for _, r := range []struct {
		field string
		ends  []float64
	}{
		{"vulnerability_score_range", d.VulnerabilityScoreRange}, {"aggregated_vulnerability.score_range", d.AggregatedVulnerability.ScoreRange},
	} {
		switch {
		case len(r.ends) == 0:
		case len(r.ends) != 2:
			return fmt.Errorf("%s: write the lowest and the highest score, as [4, 10]", r.field)
		case r.ends[0] > r.ends[1]:
			return fmt.Errorf("%s: the lowest score comes first: [%s, %s]", r.field, decimal(r.ends[1]), decimal(r.ends[0]))
		}
	}
	return nil
}

// scoreRange are the conditions of a range of scores; none for all scores.
func scoreRange(low, high float64) []string {
	var lines []string
	if low > 0 {
		lines = append(lines, "v.score >= "+decimal(low))
	}
	if high < 10 && (low > 0 || high > 0) {
		lines = append(lines, "v.score <= "+decimal(high))
	}
	return lines
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// severity is the Rego expression for the severity of v.
func severity(custom bool) string {
	if custom {
		return `object.get(v, "custom_severity", v.severity)`
	}
	return "v.severity"
}

// worst is what the templates of max_severity and max_score read.
type worst struct {
	Plain      bool
	Summary    string   // all or fixable
	Where      []string // conditions on v besides those of counted
	Severity   string   // expression
	Threshold  string
	Severities []string // that fail, mildest first
	Worst      []string // the same, worst first
}

func worstOf(d *document.Document, fixOnly bool) worst {
	w := worst{Plain: plain(d), Summary: "all", Severity: severity(d.CustomSeverityEnabled)}
	if fixOnly || d.ControlExcludeNoFix {
		w.Summary = "fixable"
	}
	if fixOnly && !d.ControlExcludeNoFix {
		w.Where = append(w.Where, "v.fix_version")
	}
	if r := d.VulnerabilityScoreRange; len(r) == 2 {
		if within := scoreRange(r[0], r[1]); len(within) > 0 {
			w.Plain, w.Where = false, append(w.Where, within...)
		}
	}
	return w
}

func maxSeverityData(d *document.Document) (any, error) {
	w := worstOf(d, d.CVSSSeverityExcludeNoFix)
	w.Threshold = string(d.CVSSSeverity)
	w.Severities = fromSeverity(w.Threshold)
	w.Severities[0] = w.Threshold // findings of scanners say negligible, not info
	w.Worst = slices.Clone(w.Severities)
	slices.Reverse(w.Worst)
	return w, nil
}

func maxScoreData(d *document.Document) (any, error) {
	w := worstOf(d, d.MaximumScoreExcludeNoFix)
	w.Threshold = decimal(d.MaximumScore)
	return w, nil
}

// aggregatedData is of the control that looks at severity and score together.
func aggregatedData(d *document.Document) (any, error) {
	a := d.AggregatedVulnerability
	var where []string
	if len(a.ScoreRange) == 2 {
		where = scoreRange(a.ScoreRange[0], a.ScoreRange[1])
	}
	severities := fromSeverity(string(a.Severity))
	if len(severities) > 0 {
		severities[0] = string(a.Severity)
		where = append(where, severity(a.CustomSeverityEnabled || d.CustomSeverityEnabled)+" in "+set(severities))
	}
	return struct{ Where []string }{where}, nil
}

func cveBlacklistData(d *document.Document) (any, error) {
	denied := slices.Clone(d.CVEsDenied)
	if d.CVEsIgnoredEnabled {
		denied = slices.DeleteFunc(denied, func(id string) bool { return slices.Contains(d.CVEsIgnored, id) })
	}
	slices.Sort(denied)
	return struct {
		Denied  []string
		FixOnly bool
	}{slices.Compact(denied), d.ControlExcludeNoFix}, nil
}

func exploitabilityData(d *document.Document) (any, error) {
	return struct{ Types []string }{d.DisallowExploitTypes}, nil
}
