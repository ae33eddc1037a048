package policies_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
)

// known is an image of which everything is known and nothing is wrong.
func known() *policies.Input {
	in := nginx()
	in.DTA = policies.DTA{Status: "done", Verdict: report.Clean, Time: now}
	looked := policies.Origin{Known: true, Source: "test", Time: now}
	in.Packages.Origin, in.Vulnerabilities.Origin, in.Malware.Origin, in.Secrets.Origin = looked, looked, looked, looked
	in.Image.BaseImages.Origin, in.Image.Setuid.Origin = looked, looked
	in.Image.User = "nginx"
	in.Image.UID = "101"
	in.Packages.Items = []policies.Package{
		{Format: "deb", Name: "openssl", Version: "3.0.11", Release: "1~deb12u2", Arch: "amd64", Licenses: []string{"Apache-2.0"}},
		{Format: "deb", Name: "bash", Epoch: "1", Version: "5.2.15", Release: "2", Arch: "amd64", Licenses: []string{"GPL-3.0-or-later"}},
		{Format: "maven", Name: "log4j-core", Version: "2.14.1", Licenses: []string{}},
	}
	return in
}

func vulnerable(all ...policies.Vulnerability) func(*policies.Input) {
	return func(in *policies.Input) { in.Vulnerabilities.Items = all }
}

func TestControls(t *testing.T) {
	cve := policies.Vulnerability{ID: "CVE-2021-44228", Severity: "high", Score: 7, Package: "log4j-core", FixVersion: "2.17.1", Path: "/app/log4j.jar"}
	with := func(change func(*policies.Vulnerability)) func(*policies.Input) {
		v := cve
		change(&v)
		return vulnerable(v)
	}
	unfixed := with(func(v *policies.Vulnerability) { v.FixVersion = "" })
	nothingKnown := func(in *policies.Input) {
		*in = *nginx()
		in.DTA = policies.DTA{Status: "done", Verdict: report.Clean, Time: now}
	}

	for _, c := range []struct {
		name    string
		control string
		policy  string
		change  func(*policies.Input)
		want    string
		message string
	}{
		{"severity below the threshold", "max_severity", "cvss_severity_enabled: true\ncvss_severity: critical", vulnerable(cve), "passed", ""},
		{"severity equal to the threshold", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high", vulnerable(cve), "failed", "severity high (fails from high on): CVE-2021-44228 (log4j-core)"},
		{"severity in other case", "max_severity", "cvss_severity_enabled: true\ncvss_severity: HIGH", vulnerable(cve), "failed", "severity high"},
		{"no vulnerabilities", "max_severity", "cvss_severity_enabled: true\ncvss_severity: negligible", nil, "passed", ""},
		{"negligible fails from negligible on", "max_severity", "cvss_severity_enabled: true\ncvss_severity: negligible", with(func(v *policies.Vulnerability) { v.Severity = "negligible" }), "failed", "negligible"},
		{"severity nobody names", "max_severity", "cvss_severity_enabled: true\ncvss_severity: negligible", with(func(v *policies.Vulnerability) { v.Severity = "" }), "passed", ""},
		{"severity, nobody looked", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high", nothingKnown, "skipped", "nobody has looked for vulnerabilities"},
		{"severity without a fix counts", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high", unfixed, "failed", "high"},
		{"severity without a fix is left out", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncvss_severity_exclude_no_fix: true", unfixed, "passed", ""},
		{"severity without a fix is left out everywhere", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncontrol_exclude_no_fix: true", unfixed, "passed", ""},
		{"severity of an ignored vulnerability", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(cve), "passed", ""},
		{"severity of another vulnerability", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", vulnerable(cve), "failed", "CVE-2021-44228 (log4j-core)"},
		{"a list of ignored ones that is off", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncves_white_list: [CVE-2021-44228]", vulnerable(cve), "failed", "high"},
		{"ignored and without a fix", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncvss_severity_exclude_no_fix: true\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", unfixed, "passed", ""},
		{"severity raised by hand", "max_severity", "cvss_severity_enabled: true\ncvss_severity: critical\ncustom_severity_enabled: true", with(func(v *policies.Vulnerability) { v.CustomSeverity = "critical" }), "failed", "severity critical"},
		{"severity lowered by hand", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\ncustom_severity_enabled: true", with(func(v *policies.Vulnerability) { v.CustomSeverity = "low" }), "passed", ""},
		{"severity by hand does not count", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high", with(func(v *policies.Vulnerability) { v.CustomSeverity = "low" }), "failed", "severity high"},
		{"severity in the range of scores", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [7, 9]", vulnerable(cve), "failed", "high"},
		{"severity outside the range of scores", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [8, 10]", vulnerable(cve), "passed", ""},
		{"an empty range is all scores", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nvulnerability_score_range: [0, 0]", vulnerable(cve), "failed", "high"},
		{"published yesterday", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", with(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, -1) }), "passed", ""},
		{"published long ago", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", with(func(v *policies.Vulnerability) { v.Published = now.AddDate(0, 0, -7) }), "failed", "high"},
		{"nobody knows when it was published", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_vln: true\nignore_recently_published_vln_period: 7", vulnerable(cve), "failed", "high"},
		{"fixed yesterday", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_fix_vln: true\nignore_recently_published_fix_vln_period: 7", with(func(v *policies.Vulnerability) { v.FixPublished = now.AddDate(0, 0, -1) }), "passed", ""},
		{"fixed long ago", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_recently_published_fix_vln: true\nignore_recently_published_fix_vln_period: 7", with(func(v *policies.Vulnerability) { v.FixPublished = now.AddDate(0, 0, -8) }), "failed", "high"},
		{"from the base image", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_base_image_vln: true", with(func(v *policies.Vulnerability) { v.FromBaseImage = true }), "passed", ""},
		{"not from the base image", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_base_image_vln: true", vulnerable(cve), "failed", "high"},
		{"below an ignored path", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_risk_resources_enabled: true\nignored_risk_resources: [/app/]", vulnerable(cve), "passed", ""},
		{"beside an ignored path", "max_severity", "cvss_severity_enabled: true\ncvss_severity: high\nignore_risk_resources_enabled: true\nignored_risk_resources: [/ap]", vulnerable(cve), "failed", "high"},
		{"the worst is shown first", "max_severity", "cvss_severity_enabled: true\ncvss_severity: low\ncustom_severity_enabled: true", vulnerable(cve, policies.Vulnerability{ID: "CVE-2", Severity: "critical", Package: "x"}), "failed", "severity critical (fails from low on): CVE-2 (x)"},

		{"score below the maximum", "max_score", "maximum_score_enabled: true\nmaximum_score: 7.1", vulnerable(cve), "passed", ""},
		{"score equal to the maximum", "max_score", "maximum_score_enabled: true\nmaximum_score: 7", vulnerable(cve), "passed", ""},
		{"score above the maximum", "max_score", "maximum_score_enabled: true\nmaximum_score: 6.9", vulnerable(cve), "failed", "score 7 (allowed up to 6.9): CVE-2021-44228 (log4j-core)"},
		{"any score fails above nought", "max_score", "maximum_score_enabled: true\nmaximum_score: 0", vulnerable(cve), "failed", "score 7"},
		{"score without a fix is left out", "max_score", "maximum_score_enabled: true\nmaximum_score: 5\nmaximum_score_exclude_no_fix: true", unfixed, "passed", ""},
		{"score of an ignored vulnerability", "max_score", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(cve), "passed", ""},
		{"score of another vulnerability", "max_score", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", vulnerable(cve), "failed", "score 7"},
		{"score, nobody looked", "max_score", "maximum_score_enabled: true\nmaximum_score: 5", nothingKnown, "skipped", "nobody has looked"},
		{"score with ignored ones, nobody looked", "max_score", "maximum_score_enabled: true\nmaximum_score: 5\ncves_white_list_enabled: true\ncves_white_list: [CVE-1]", nothingKnown, "skipped", "nobody has looked"},

		{"severity and score together", "aggregated_vulnerability", "aggregated_vulnerability: {enabled: true, severity: high, score_range: [7, 8]}", vulnerable(cve), "failed", "CVE-2021-44228"},
		{"score outside, severity inside", "aggregated_vulnerability", "aggregated_vulnerability: {enabled: true, severity: high, score_range: [7.1, 8]}", vulnerable(cve), "passed", ""},
		{"score inside, severity outside", "aggregated_vulnerability", "aggregated_vulnerability: {enabled: true, severity: critical, score_range: [0, 10]}", vulnerable(cve), "passed", ""},
		{"aggregated, by hand", "aggregated_vulnerability", "aggregated_vulnerability: {enabled: true, severity: critical, custom_severity_enabled: true}", with(func(v *policies.Vulnerability) { v.CustomSeverity = "critical" }), "failed", "CVE"},

		{"denied vulnerability", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-1, CVE-2021-44228]", vulnerable(cve), "failed", "CVE-2021-44228"},
		{"no denied vulnerability", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-1]", vulnerable(cve), "passed", ""},
		{"denied without a fix", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]", unfixed, "failed", "CVE"},
		{"denied without a fix, left out", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]\ncontrol_exclude_no_fix: true", unfixed, "passed", ""},
		{"denied and ignored", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-2021-44228]\ncves_white_list_enabled: true\ncves_white_list: [CVE-2021-44228]", vulnerable(cve), "passed", ""},
		{"denied, nobody looked", "cve_blacklist", "cves_black_list_enabled: true\ncves_black_list: [CVE-1]", nothingKnown, "skipped", "nobody"},

		{"exploitable", "exploitability", "vulnerability_exploitability: true", with(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "failed", "CVE-2021-44228 (log4j-core): remote"},
		{"exploitable in another way", "exploitability", "vulnerability_exploitability: true\ndisallow_exploit_types: [local]", with(func(v *policies.Vulnerability) { v.Exploits = []string{"remote"} }), "passed", ""},
		{"not exploitable", "exploitability", "vulnerability_exploitability: true", vulnerable(cve), "passed", ""},

		{"malware", "malware", "disallow_malware: true", malware(policies.MalwareFile{Name: "Miner.X", Path: "/tmp/x"}), "failed", "Miner.X in /tmp/x"},
		{"no malware", "malware", "disallow_malware: true", nil, "passed", ""},
		{"malware, nobody looked", "malware", "disallow_malware: true", nothingKnown, "skipped", "nobody has looked for malware"},
		{"unwanted software", "malware", "disallow_malware: true", malware(policies.MalwareFile{Name: "Toolbar", Path: "/x", PUA: true}), "warning", "potentially unwanted: Toolbar in /x"},
		{"unwanted software counts", "malware", "disallow_malware: true\nsallyport: {pua_is_malicious: true}", malware(policies.MalwareFile{Name: "Toolbar", Path: "/x", PUA: true}), "failed", "Toolbar in /x"},
		{"malware in a watched place", "malware", "disallow_malware: true\nmonitored_malware_paths: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "failed", "M"},
		{"malware elsewhere", "malware", "disallow_malware: true\nmonitored_malware_paths: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmpx"}), "passed", ""},
		{"malware in an excepted place", "malware", "disallow_malware: true\nexceptional_monitored_malware_paths: [\"/t*/x\"]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "passed", ""},
		{"many are cut short", "malware", "disallow_malware: true", malware(slices.Repeat([]policies.MalwareFile{{Name: "M", Path: "/0"}, {Name: "M", Path: "/1"}, {Name: "M", Path: "/2"}, {Name: "M", Path: "/3"}, {Name: "M", Path: "/4"}, {Name: "M", Path: "/5"}, {Name: "M", Path: "/6"}}, 2)...), "failed", "M in /4 and 2 more"},

		{"secret", "sensitive_data", "scan_sensitive_data: true", secret("/root/.ssh/id_rsa"), "failed", "private key in /root/.ssh/id_rsa"},
		{"secret in an ignored file", "sensitive_data", "scan_sensitive_data: true\nignored_sensitive_resources: [/root/.ssh/id_rsa]", secret("/root/.ssh/id_rsa"), "passed", ""},
		{"secret below an ignored pattern", "sensitive_data", "scan_sensitive_data: true\nignored_sensitive_resources: [\"*/.ssh/*\"]", secret("/root/.ssh/id_rsa"), "passed", ""},
		{"secret, nobody looked", "sensitive_data", "scan_sensitive_data: true", nothingKnown, "skipped", "nobody has looked for secrets"},

		{"user by name and id", "root_user", "only_none_root_users: true", nil, "passed", ""},
		{"no user", "root_user", "only_none_root_users: true", user("", ""), "failed", "runs as root"},
		{"root by name", "root_user", "only_none_root_users: true", user("root:adm", ""), "failed", "root"},
		{"root by number", "root_user", "only_none_root_users: true", user("00:5", ""), "failed", "root"},
		{"root by another name", "root_user", "only_none_root_users: true", user("toor", "0"), "failed", "root"},
		{"a number", "root_user", "only_none_root_users: true", user("1000:0", ""), "passed", ""},

		{"denied package", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash}]", nil, "failed", "bash 1:5.2.15-2"},
		{"denied package is not there", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bas}]", nil, "passed", ""},
		{"denied by pattern", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: \"log4j*\"}]", nil, "failed", "log4j-core 2.14.1"},
		{"denied below a fixed version", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: openssl, format: deb, version_range: \"<3.0.11-1~deb12u3\"}]", nil, "failed", "openssl"},
		{"the fixed version itself", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: openssl, format: deb, version_range: \"<3.0.11-1~deb12u2\"}]", nil, "passed", ""},
		{"a range in any format", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: \"log4j*\", version_range: \">=2, <2.17.1\"}]", nil, "failed", "log4j-core"},
		{"denied by exact version", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: 5.2.15}]", nil, "failed", "bash"},
		{"denied by version with release", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: \"1:5.2.15-2\"}]", nil, "failed", "bash"},
		{"another version", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: \"5.2\"}]", nil, "passed", ""},
		{"every field", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, format: DEB, epoch: \"1\", version: \"5.*\", release: \"2\", arch: amd64, license: gpl-3*, version_range: \">1:5,<2:0\"}]", nil, "failed", "bash"},
		{"every field but one", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, format: deb, epoch: \"1\", version: \"5.*\", release: \"3\", arch: amd64}]", nil, "passed", ""},
		{"denied by licence alone", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{license: \"GPL*\"}]", nil, "failed", "bash"},
		{"packages, nobody looked", "blacklisted_packages", "packages_black_list_enabled: true\npackages_black_list: [{name: bash}]", nothingKnown, "skipped", "nobody has listed the packages"},

		{"required package", "required_packages", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}, {name: openssl, version_range: \">=3\"}]", nil, "passed", ""},
		{"required package is missing", "required_packages", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}, {name: tzdata}, {name: openssl, version_range: \">=4\"}]", nil, "failed", "lacks openssl >=4, tzdata"},
		{"required, nobody looked", "required_packages", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}]", nothingKnown, "skipped", "nobody"},

		{"denied licence", "license", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [gpl-3.0-or-later]", nil, "failed", "GPL-3.0-or-later (bash)"},
		{"denied licence by pattern", "license", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [\"GPL*\"]", nil, "failed", "bash"},
		{"no denied licence", "license", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [AGPL-3.0-only]", nil, "passed", ""},
		{"only allowed licences", "whitelisted_licenses", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [Apache-2.0, \"GPL-3.0*\"]", nil, "passed", ""},
		{"another licence", "whitelisted_licenses", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [Apache-2.0]", nil, "failed", "GPL-3.0-or-later (bash)"},
		{"licences, nobody looked", "whitelisted_licenses", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [MIT]", nothingKnown, "skipped", "nobody"},

		{"required label", "required_labels", "required_labels_enabled: true\nrequired_labels: [{key: stage}, {key: st*, value: p*d}]", nil, "passed", ""},
		{"required label is missing", "required_labels", "required_labels_enabled: true\nrequired_labels: [{key: stage, value: test}, {key: owner}]", nil, "failed", "lacks the label owner, stage=test"},
		{"forbidden label", "forbidden_labels", "forbidden_labels_enabled: true\nforbidden_labels: [{key: stage}]", nil, "failed", "has the label stage=prod"},
		{"forbidden label with another value", "forbidden_labels", "forbidden_labels_enabled: true\nforbidden_labels: [{key: stage, value: test}]", nil, "passed", ""},

		{"trusted base", "trusted_base_images", "trusted_base_images_enabled: true\ntrusted_base_images: [{registry: docker.io, imagename: \"debian:12*\"}]", base("library/debian", "12.5"), "passed", ""},
		{"trusted base without a tag", "trusted_base_images", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: library/debian}]", base("library/debian", "12.5"), "passed", ""},
		{"another base", "trusted_base_images", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: \"debian:12*\"}]", base("library/debian", "11"), "failed", "not built on a trusted"},
		{"no base", "trusted_base_images", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: \"debian:12*\"}]", nil, "failed", "not built on a trusted"},
		{"base, nobody knows", "trusted_base_images", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: debian}]", nothingKnown, "skipped", "nobody knows"},

		{"denied by name", "allowed_images", "allowed_images: [{imagename: \"nginx:1.*\", blacklisted: true, author: jane, reason: [licence]}]", nil, "failed", "denied by name, by jane: licence"},
		{"denied in another registry", "allowed_images", "allowed_images: [{registry: ghcr.io, imagename: nginx, blacklisted: true}]", nil, "passed", ""},
		{"denied by digest", "allowed_images", "allowed_images: [{imagename: \"sha256:" + strings.Repeat("a", 64) + "\", blacklisted: true}]", nil, "failed", "denied by name"},
		{"allowed by name", "root_user", "only_none_root_users: true\nallowed_images: [nginx]", user("", ""), "exempt", "allowed by this policy"},
		{"denied outweighs allowed", "allowed_images", "allowed_images: [{imagename: nginx, whitelisted: true}, {imagename: nginx, blacklisted: true}]", nil, "failed", "denied by name"},

		{"excused", "root_user", "only_none_root_users: true\nsallyport: {exempt: [{image: \"nginx:*\", reason: moves soon, author: jane}]}", user("", ""), "exempt", "excused by jane: moves soon"},
		{"excused until tomorrow", "root_user", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: 2026-09-01}]}", user("", ""), "exempt", "until 2026-09-02T00:00:00Z"},
		{"excused until yesterday", "root_user", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: 2026-08-31}]}", user("", ""), "failed", "root"},
		{"another image is excused", "root_user", "only_none_root_users: true\nsallyport: {exempt: [{image: httpd, reason: r, author: jane}]}", user("", ""), "failed", "root"},
		{"excused from another control", "root_user", "only_none_root_users: true\nsallyport: {exempt: [{image: \"*\", control: dta, reason: r, author: jane}]}", user("", ""), "failed", "root"},
		{"excused from waiting", "dta", "dta_enabled: true\nsallyport: {exempt: [{image: \"*\", control: dta, reason: r, author: jane}]}", func(in *policies.Input) { in.DTA = policies.DTA{Status: "none"} }, "exempt", "excused"},

		{"micro-enforcer", "force_microenforcer", "force_microenforcer: true", nil, "skipped", "knows no micro-enforcer"},
		{"partial results", "partial_results", "partial_results_image_fail: true\ndisallow_malware: true\nscan_sensitive_data: true", nothingKnown, "failed", "not enough is known for malware, sensitive_data"},
		{"complete results", "partial_results", "partial_results_image_fail: true\ndisallow_malware: true\nforce_microenforcer: true", nil, "passed", ""},
	} {
		t.Run(c.control+"/"+c.name, func(t *testing.T) {
			in := known()
			if c.change != nil {
				c.change(in)
			}
			r := evaluate(t, compile(t, "name: p\n"+c.policy), in)
			if len(r.Faults) > 0 {
				t.Fatalf("%+v", r.Checks)
			}
			i := slices.IndexFunc(r.Checks, func(k policies.Check) bool { return k.Control == c.control })
			if i < 0 {
				t.Fatalf("no check of it: %+v", r.Checks)
			}
			got := outcome(r.Checks[i])
			if r.Checks[i].Exempt {
				got = "exempt"
			}
			if got != c.want || !strings.Contains(r.Checks[i].Message, c.message) {
				t.Errorf("%s: %q, want %s: %q", got, r.Checks[i].Message, c.want, c.message)
			}
			if r.Disallowed != slices.ContainsFunc(r.Checks, func(k policies.Check) bool { return k.Failed }) {
				t.Errorf("disallowed %v: %+v", r.Disallowed, r.Checks)
			}
		})
	}
}

func TestFactsOfFailuresHaveTheAPIsNames(t *testing.T) {
	in := known()
	vulnerable(policies.Vulnerability{ID: "CVE-1", Severity: "critical", Score: 9.8, Package: "x"})(in)
	secret("/k")(in)
	r := evaluate(t, compile(t, `{"name":"p","cvss_severity_enabled":true,"cvss_severity":"high","maximum_score_enabled":true,"maximum_score":7,"scan_sensitive_data":true,"blacklisted_licenses_enabled":true,"blacklisted_licenses":["Apache-2.0"]}`), in)
	want := map[string]any{"maximum_severity_allowed": "high", "maximum_severity_found": "critical", "maximum_score_allowed": int64(7), "maximum_score_found": 9.8, "sensitive_data_found": int64(1)}
	for _, c := range r.Checks {
		for name, v := range c.Facts {
			if w, ok := want[name]; ok && w != v {
				t.Errorf("%s: %#v, want %#v", name, v, w)
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing facts %v in %+v", want, r.Checks)
	}
}

func TestGraceBeforeEnforcement(t *testing.T) {
	text := "name: p\nonly_none_root_users: true\nenforce_after_days: 10\nlastupdate: "
	in := known()
	user("", "")(in)
	for _, c := range []struct {
		changed string
		blocks  bool
	}{
		{now.AddDate(0, 0, -9).Format(time.RFC3339), false},
		{now.AddDate(0, 0, -10).Format(time.RFC3339), true},
		{"\"1\"", true},
		{"''", true}, // nobody knows
	} {
		r := evaluate(t, compile(t, text+c.changed), in)
		if r.Disallowed != c.blocks || len(r.Failures) != 1 || r.Failures[0].Blocking != c.blocks || !r.Audit {
			t.Errorf("changed %s: %+v", c.changed, r)
		}
		if !c.blocks && !r.Until.Equal(now.AddDate(0, 0, 1)) {
			t.Errorf("until %v", r.Until)
		}
	}
}

func TestAcknowledgedRisks(t *testing.T) {
	cve := policies.Vulnerability{ID: "CVE-1", Severity: "critical", Package: "openssl", Version: "3.0.1", Path: "/usr/lib/x"}
	policy := compile(t, "name: p\ncvss_severity_enabled: true\ncvss_severity: high\nscan_sensitive_data: true")
	for _, c := range []struct {
		name    string
		risk    policies.Acknowledgement
		accepts bool
	}{
		{"by name", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1"}, true},
		{"by name and package", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Package: "open*", Path: "/usr/*"}, true},
		{"of another package", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Package: "zlib"}, false},
		{"of the version", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-*", Package: "openssl", Version: "3.*"}, true},
		{"of another version", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Version: "1.0"}, false},
		{"of a hash, which it has none", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Hash: "sha256:x"}, false},
		{"of another kind", policies.Acknowledgement{Type: "malware", Name: "CVE-1"}, false},
		{"until tomorrow", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Expires: now.AddDate(0, 0, 1)}, true},
		{"until now", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Expires: now}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := known()
			vulnerable(cve)(in)
			in.Acknowledged = []policies.Acknowledgement{c.risk}
			r := evaluate(t, policy, in)
			if r.Disallowed == c.accepts || (len(r.Acknowledged) == 1) != c.accepts {
				t.Errorf("%+v", r)
			}
			if c.accepts && !r.Until.Equal(c.risk.Expires) {
				t.Errorf("until %v", r.Until)
			}
			if len(in.Vulnerabilities.Items) != 1 {
				t.Error("the caller's facts were changed")
			}
		})
	}
}

func TestWhatAPolicySaysToThoseItMeets(t *testing.T) {
	in := known()
	user("", "")(in)
	r := evaluate(t, compile(t, "name: p\nonly_none_root_users: true\nsallyport: {message: ask platform@corp.example}\npolicy_settings: {warn: true, warning_message: see the wiki}"), in)
	if m := r.Checks[0].Message; !strings.HasSuffix(m, "ask platform@corp.example — see the wiki") {
		t.Errorf("message %q", m)
	}
}

func malware(files ...policies.MalwareFile) func(*policies.Input) {
	return func(in *policies.Input) { in.Malware.Items = files }
}

func secret(path string) func(*policies.Input) {
	return func(in *policies.Input) { in.Secrets.Items = []policies.Secret{{Type: "private key", Path: path}} }
}

func user(name, uid string) func(*policies.Input) {
	return func(in *policies.Input) { in.Image.User, in.Image.UID = name, uid }
}

func base(repository, tag string) func(*policies.Input) {
	return func(in *policies.Input) {
		in.Image.BaseImages.Items = []policies.BaseImage{{Registry: "docker.io", Repository: repository, Tag: tag}}
	}
}
