package policies_test

import (
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
)

func TestMaximumSeverity(t *testing.T) {
	judge(t, "max_severity", []controlCase{
		{"severity below the threshold", "cvss_severity_enabled: true\ncvss_severity: critical", vulnerable(log4shell), "passed", ""},
		{"severity equal to the threshold", "cvss_severity_enabled: true\ncvss_severity: high", vulnerable(log4shell), "failed", "severity high (fails from high on): CVE-2021-44228 (log4j-core)"},
		{"severity in other case", "cvss_severity_enabled: true\ncvss_severity: HIGH", vulnerable(log4shell), "failed", "severity high"},
		{"no vulnerabilities", "cvss_severity_enabled: true\ncvss_severity: negligible", nil, "passed", ""},
		{"negligible fails from negligible on", "cvss_severity_enabled: true\ncvss_severity: negligible", vulnerability(func(v *policies.Vulnerability) { v.Severity = "negligible" }), "failed", "negligible"},
		{"severity nobody names", "cvss_severity_enabled: true\ncvss_severity: negligible", vulnerability(func(v *policies.Vulnerability) { v.Severity = "" }), "passed", ""},
		{"severity, nobody looked", "cvss_severity_enabled: true\ncvss_severity: high", nothingKnown, "skipped", "nobody has looked for vulnerabilities"},
		{"severity without a fix counts", "cvss_severity_enabled: true\ncvss_severity: high", unfixed(), "failed", "high"},
		{"severity without a fix is left out", "cvss_severity_enabled: true\ncvss_severity: high\ncvss_severity_exclude_no_fix: true", unfixed(), "passed", ""},
		{"severity without a fix is left out everywhere", "cvss_severity_enabled: true\ncvss_severity: high\ncontrol_exclude_no_fix: true", unfixed(), "passed", ""},
		{"severity of an ignored vulnerability", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(log4shell), "passed", ""},
		{"severity of another vulnerability", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", vulnerable(log4shell), "failed", "CVE-2021-44228 (log4j-core)"},
		{"a list of ignored ones that is off", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list: [CVE-2021-44228]", vulnerable(log4shell), "failed", "high"},
		{"ignored and without a fix", "cvss_severity_enabled: true\ncvss_severity: high\ncvss_severity_exclude_no_fix: true\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", unfixed(), "passed", ""},
		{"severity raised by hand", "cvss_severity_enabled: true\ncvss_severity: critical\ncustom_severity_enabled: true", vulnerability(func(v *policies.Vulnerability) { v.CustomSeverity = "critical" }), "failed", "severity critical"},
		{"severity lowered by hand", "cvss_severity_enabled: true\ncvss_severity: high\ncustom_severity_enabled: true", vulnerability(func(v *policies.Vulnerability) { v.CustomSeverity = "low" }), "passed", ""},
		{"severity by hand does not count", "cvss_severity_enabled: true\ncvss_severity: high", vulnerability(func(v *policies.Vulnerability) { v.CustomSeverity = "low" }), "failed", "severity high"},
		{"severity in the range of scores", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [7, 9]", vulnerable(log4shell), "failed", "high"},
		{"severity outside the range of scores", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [8, 10]", vulnerable(log4shell), "passed", ""},
		{"an empty range is all scores", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [0, 0]", vulnerable(log4shell), "failed", "high"},
		{"published yesterday", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, -1) }), "passed", ""},
		{"published long ago", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, -7) }), "failed", "high"},
		{"nobody knows when it was published", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerable(log4shell), "failed", "high"},
		{"fixed yesterday", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_fix_vln: true\nignore_recently_published_fix_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.FixPublished = now.AddDate(0, 0, -1) }), "passed", ""},
		{"fixed long ago", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_fix_vln: true\nignore_recently_published_fix_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.FixPublished = now.AddDate(0, 0, -8) }), "failed", "high"},
		{"from the base image", "cvss_severity_enabled: true\ncvss_severity: high\nignore_base_image_vln: true", vulnerability(func(v *policies.Vulnerability) { v.FromBaseImage = true }), "passed", ""},
		{"not from the base image", "cvss_severity_enabled: true\ncvss_severity: high\nignore_base_image_vln: true", vulnerable(log4shell), "failed", "high"},
		{"below an ignored path", "cvss_severity_enabled: true\ncvss_severity: high\nignore_risk_resources_enabled: true\nignored_risk_resources: [/app/]", vulnerable(log4shell), "passed", ""},
		{"beside an ignored path", "cvss_severity_enabled: true\ncvss_severity: high\nignore_risk_resources_enabled: true\nignored_risk_resources: [/ap]", vulnerable(log4shell), "failed", "high"},
		{"the worst is shown first", "cvss_severity_enabled: true\ncvss_severity: low\ncustom_severity_enabled: true", vulnerable(log4shell, policies.Vulnerability{ID: "CVE-2", Severity: "critical", Package: "x"}), "failed", "severity critical (fails from low on): CVE-2 (x)"},
		{"published a moment less than the days of grace ago", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, -7).Add(time.Nanosecond) }), "passed", ""},
		{"published in the future", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, 1) }), "passed", ""},
		{"no days of grace", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 0", vulnerability(func(v *policies.Vulnerability) { v.Published = now }), "failed", "high"},
		{"days of grace that are off", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.Published = now }), "failed", "high"},
		{"fixed exactly the days of grace ago", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_fix_vln: true\nignore_recently_published_fix_vln_period: 7", vulnerability(func(v *policies.Vulnerability) { v.FixPublished = now.AddDate(0, 0, -7) }), "failed", "high"},
		{"an empty list of ignored ones", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list_enabled: true\ncves_white_list: []", vulnerable(log4shell), "failed", "high"},
		{"score equal to the lower end of the range", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [7, 8]", vulnerable(log4shell), "failed", "high"},
		{"score equal to the upper end of the range", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [0, 7]", vulnerable(log4shell), "failed", "high"},
		{"in the ignored file itself", "cvss_severity_enabled: true\ncvss_severity: high\nignore_risk_resources_enabled: true\nignored_risk_resources: [/app/log4j.jar]", vulnerable(log4shell), "passed", ""},
		{"ignored paths that are off", "cvss_severity_enabled: true\ncvss_severity: high\nignored_risk_resources: [/app]", vulnerable(log4shell), "failed", "high"},
		{"severity raised by hand, without a fix", "cvss_severity_enabled: true\ncvss_severity: critical\ncustom_severity_enabled: true\ncvss_severity_exclude_no_fix: true", vulnerability(func(v *policies.Vulnerability) { v.CustomSeverity, v.FixVersion = "critical", "" }), "passed", ""},
	})
}

func TestMaximumScore(t *testing.T) {
	judge(t, "max_score", []controlCase{
		{"score below the maximum", "maximum_score_enabled: true\nmaximum_score: 7.1", vulnerable(log4shell), "passed", ""},
		{"score equal to the maximum", "maximum_score_enabled: true\nmaximum_score: 7", vulnerable(log4shell), "passed", ""},
		{"score above the maximum", "maximum_score_enabled: true\nmaximum_score: 6.9", vulnerable(log4shell), "failed", "score 7 (allowed up to 6.9): CVE-2021-44228 (log4j-core)"},
		{"any score fails above nought", "maximum_score_enabled: true\nmaximum_score: 0", vulnerable(log4shell), "failed", "score 7"},
		{"score without a fix is left out", "maximum_score_enabled: true\nmaximum_score: 5\nmaximum_score_exclude_no_fix: true", unfixed(), "passed", ""},
		{"score of an ignored vulnerability", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(log4shell), "passed", ""},
		{"score of another vulnerability", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", vulnerable(log4shell), "failed", "score 7"},
		{"score, nobody looked", "maximum_score_enabled: true\nmaximum_score: 5", nothingKnown, "skipped", "nobody has looked"},
		{"score with ignored ones, nobody looked", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", nothingKnown, "skipped", "nobody has looked"},
		{"nothing is above ten", "maximum_score_enabled: true\nmaximum_score: 10", vulnerability(func(v *policies.Vulnerability) { v.Score = 10 }), "passed", ""},
		{"no score is not above nought", "maximum_score_enabled: true\nmaximum_score: 0", vulnerability(func(v *policies.Vulnerability) { v.Score = 0 }), "passed", ""},
		{"a hair above the maximum", "maximum_score_enabled: true\nmaximum_score: 6.99", vulnerable(log4shell), "failed", "score 7 (allowed up to 6.99)"},
		{"score equal to the maximum, of those that count", "maximum_score_enabled: true\nmaximum_score: 7\nvulnerability_score_range: [1, 10]", vulnerable(log4shell), "passed", ""},
		{"outside the range of scores", "maximum_score_enabled: true\nmaximum_score: 5\nvulnerability_score_range: [0, 6]", vulnerable(log4shell), "passed", ""},
	})
}

func TestAggregatedVulnerability(t *testing.T) {
	judge(t, "aggregated_vulnerability", []controlCase{
		{"severity and score together", "aggregated_vulnerability: {enabled: true, severity: high, score_range: [7, 8]}", vulnerable(log4shell), "failed", "CVE-2021-44228"},
		{"score outside, severity inside", "aggregated_vulnerability: {enabled: true, severity: high, score_range: [7.1, 8]}", vulnerable(log4shell), "passed", ""},
		{"score inside, severity outside", "aggregated_vulnerability: {enabled: true, severity: critical, score_range: [0, 10]}", vulnerable(log4shell), "passed", ""},
		{"aggregated, by hand", "aggregated_vulnerability: {enabled: true, severity: critical, custom_severity_enabled: true}", vulnerability(func(v *policies.Vulnerability) { v.CustomSeverity = "critical" }), "failed", "CVE"},
		{"score at the upper end", "aggregated_vulnerability: {enabled: true, severity: low, score_range: [1, 7]}", vulnerable(log4shell), "failed", "CVE"},
		{"score at the lower end", "aggregated_vulnerability: {enabled: true, score_range: [7, 10]}", vulnerable(log4shell), "failed", "CVE"},
		{"severity equal to the threshold, any score", "aggregated_vulnerability: {enabled: true, severity: high}", vulnerable(log4shell), "failed", "CVE"},
		{"an ignored one", "aggregated_vulnerability: {enabled: true, severity: high}\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(log4shell), "passed", ""},
		{"without a fix, left out", "aggregated_vulnerability: {enabled: true, severity: high}\ncontrol_exclude_no_fix: true", unfixed(), "passed", ""},
		{"aggregated, nobody looked", "aggregated_vulnerability: {enabled: true, severity: high}", nothingKnown, "skipped", "nobody"},
	})
}

func TestDeniedVulnerabilities(t *testing.T) {
	judge(t, "cve_blacklist", []controlCase{
		{"denied vulnerability", "cves_black_list_enabled: true\ncves_black_list: [CVE-1, CVE-2021-44228]", vulnerable(log4shell), "failed", "CVE-2021-44228"},
		{"no denied vulnerability", "cves_black_list_enabled: true\ncves_black_list: [CVE-1]", vulnerable(log4shell), "passed", ""},
		{"denied without a fix", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]", unfixed(), "failed", "CVE"},
		{"denied without a fix, left out", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]\ncontrol_exclude_no_fix: true", unfixed(), "passed", ""},
		{"denied and ignored", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(log4shell), "passed", ""},
		{"denied, nobody looked", "cves_black_list_enabled: true\ncves_black_list: [CVE-1]", nothingKnown, "skipped", "nobody"},
		{"an empty list denies nothing", "cves_black_list_enabled: true\ncves_black_list: []", vulnerable(log4shell), "passed", ""},
		{"only in part of a name", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-4422]", vulnerable(log4shell), "passed", ""},
		{"has a fix in one package of two", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]\ncontrol_exclude_no_fix: true", vulnerable(log4shell, policies.Vulnerability{ID: "CVE-2021-44228", Package: "copy"}), "failed", "CVE-2021-44228"},
	})
}

func TestExploitability(t *testing.T) {
	judge(t, "exploitability", []controlCase{
		{"exploitable", "vulnerability_exploitability: true", vulnerability(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "failed", "CVE-2021-44228 (log4j-core): remote"},
		{"exploitable in another way", "vulnerability_exploitability: true\ndisallow_exploit_types: [local]", vulnerability(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "passed", ""},
		{"not exploitable", "vulnerability_exploitability: true", vulnerable(log4shell), "passed", ""},
		{"exploitable in a denied way", "vulnerability_exploitability: true\ndisallow_exploit_types: [local, remote]", vulnerability(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "failed", "remote"},
		{"exploitable and ignored", "vulnerability_exploitability: true\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerability(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "passed", ""},
		{"exploits, nobody looked", "vulnerability_exploitability: true", nothingKnown, "skipped", "nobody"},
	})
}
