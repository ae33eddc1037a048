package policies_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/report"
)

// dice throws documents and facts whose words are few, so that they meet.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, seed))} }

func (d dice) yes(percent int) bool { return d.IntN(100) < percent }

func one[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }

// some draws up to n of all, perhaps none.
func some[T any](d dice, n int, all ...T) []T {
	drawn := []T{}
	for range d.IntN(n + 1) {
		drawn = append(drawn, one(d, all...))
	}
	return drawn
}

var (
	someSeverities = []string{"negligible", "low", "medium", "high", "critical"}
	someScores     = []float64{0, 3.9, 4, 6.9, 7, 7.5, 9.8, 10}
	someIDs        = []string{"CVE-2014-0160", "CVE-2021-44228", "CVE-2024-3094", "GHSA-aaaa-bbbb-cccc", "CVE-2020-0001"}
	somePaths      = []string{"/usr/bin/x", "/usr", "/app/lib/a.jar", "/app", "/root/.ssh/id_rsa", "/opt/x.bin", "/testdata/k", ""}
	somePatterns   = []string{"/usr", "/usr/", "/app/", "*/.ssh/*", "*.jar", "/o*.bin", "*", "/root/.ssh/id_rsa"}
	someLicenses   = []string{"MIT", "Apache-2.0", "GPL-3.0-or-later", "AGPL-3.0-only", "mit", "NOASSERTION", "LicenseRef-x\"y"}
	someVersions   = []string{"1.0", "1:2.0-1", "3.0.11-1~deb12u2", "3.0.11", "2.14.1", "0.9_rc1", "1.0~rc1"}
	someNames      = []string{"openssl", "bash", "log4j-core", "tzdata", "netcat"}
	someFormats    = []string{"deb", "rpm", "apk", "maven"}
	someTerms      = []string{"image.name.*:DTA", "image.repo.team/*", "aqua.label.DTA", "image.name.nginx:1.*", "aqua.registry.docker.io", "kubernetes.namespace.prod-*", `image.label."stage"."p*d"`, "image.label.owner", `kubernetes.label."tier"."backend"`, "image.name.*a*p*", "os.type.linux", "image.repo.*"}
	someExpiries   = []time.Time{{}, now, now.Add(time.Nanosecond), now.AddDate(0, 0, 1), now.AddDate(0, 0, -1)}
)

func (d dice) scope() scope.Scope {
	if d.yes(30) {
		return scope.Scope{}
	}
	var text string
	for i := range 1 + d.IntN(4) {
		if i > 0 {
			text += one(d, " AND ", " OR ")
		}
		if d.yes(25) {
			text += "NOT "
		}
		text += one(d, someTerms...)
	}
	if d.yes(15) {
		text = "NOT (" + text + ")"
	}
	s, err := scope.Parse(text)
	if err != nil {
		panic(err)
	}
	return s
}

func (d dice) packages() []document.Package {
	all := []document.Package{}
	for range d.IntN(4) {
		p := document.Package{Name: one(d, append(someNames, "log4j*", "*ssl", "*")...)}
		if d.yes(30) {
			p.Format = one(d, append(someFormats, "DEB", "*")...)
		}
		if d.yes(40) {
			p.VersionRange = one(d, "<", "<=", ">", ">=", "==", "!=", "") + one(d, someVersions...)
		}
		if d.yes(15) {
			p.Version = one(d, append(someVersions, "3.*", "*1")...)
		}
		if d.yes(10) {
			p.License = one(d, append(someLicenses, "GPL*", "*")...)
		}
		if d.yes(10) {
			p.Arch, p.Release, p.Epoch = one(d, "amd64", "", "*"), one(d, "1", "", "1*"), one(d, "1", "")
		}
		all = append(all, p)
	}
	return all
}

func (d dice) labels() []document.Label {
	return some(d, 3, document.Label{Key: "stage", Value: "prod"}, document.Label{Key: "owner"}, document.Label{Key: "st*", Value: "*"}, document.Label{Key: "stage", Value: "p*"}, document.Label{Key: "x.y/\"z\""}, document.Label{Key: "*", Value: "dev"})
}

// document draws a policy with about a third of all controls.
func (d dice) document(name string) policies.Document {
	p := document.New(name)
	p.Description = one(d, "", "what it is for", "two\nlines: # \"quoted\"")
	p.Scope = d.scope()
	p.BlockFailed, p.PartialResultsImageFail, p.ForceMicroenforcer = d.yes(70), d.yes(30), d.yes(10)

	p.DTAEnabled, p.DTASeverity = d.yes(40), document.Severity(one(d, append(someSeverities, "", "")...))
	p.DisallowMalware = d.yes(30)
	p.MalwarePaths, p.MalwarePathsExcluded = some(d, 1, somePatterns...), some(d, 2, somePatterns...)
	p.ScanSensitiveData, p.IgnoredSensitiveResources = d.yes(30), some(d, 2, somePatterns...)
	p.OnlyNoneRootUsers = d.yes(30)

	p.CVSSSeverityEnabled, p.CVSSSeverity = d.yes(40), document.Severity(one(d, someSeverities...))
	p.CVSSSeverityExcludeNoFix, p.MaximumScoreExcludeNoFix, p.ControlExcludeNoFix = d.yes(30), d.yes(30), d.yes(20)
	p.MaximumScoreEnabled, p.MaximumScore = d.yes(40), one(d, someScores...)
	p.CustomSeverityEnabled = d.yes(20)
	if d.yes(20) {
		p.VulnerabilityScoreRange = one(d, []float64{0, 0}, []float64{0, 10}, []float64{4, 7}, []float64{7, 10}, []float64{0, 6.9})
	}
	p.AggregatedVulnerability = document.AggregatedVulnerability{Enabled: d.yes(20), ScoreRange: one(d, nil, []float64{4, 7}, []float64{0, 10}), CustomSeverityEnabled: d.yes(30), Severity: document.Severity(one(d, append(someSeverities, "")...))}
	p.CVEsDeniedEnabled, p.CVEsDenied = d.yes(30), some(d, 4, someIDs...)
	p.CVEsIgnoredEnabled, p.CVEsIgnored = d.yes(30), some(d, 3, someIDs...)
	p.Exploitability, p.DisallowExploitTypes = d.yes(20), some(d, 1, "remote", "local")
	p.IgnoreRecentlyPublished, p.RecentlyPublishedDays = d.yes(20), one(d, 0, 7, 30)
	p.IgnoreRecentlyFixed, p.RecentlyFixedDays = d.yes(20), one(d, 0, 7, 30)
	p.IgnoreBaseImage = d.yes(20)
	p.IgnoreRiskResourcesEnabled, p.IgnoredRiskResources = d.yes(20), some(d, 2, somePatterns...)

	p.PackagesDeniedEnabled, p.PackagesDenied = d.yes(30), d.packages()
	p.PackagesRequiredEnabled, p.PackagesRequired = d.yes(30), d.packages()
	p.LicensesDeniedEnabled, p.LicensesDenied = d.yes(20), some(d, 2, append(someLicenses, "GPL*", "*")...)
	p.LicensesAllowedEnabled, p.LicensesAllowed = d.yes(20), some(d, 3, append(someLicenses, "GPL*", "*")...)
	p.RequiredLabelsEnabled, p.RequiredLabels = d.yes(20), d.labels()
	p.ForbiddenLabelsEnabled, p.ForbiddenLabels = d.yes(20), d.labels()
	p.TrustedBaseImagesEnabled = d.yes(20)
	p.TrustedBaseImages = some(d, 2, document.BaseImage{ImageName: "debian:12*"}, document.BaseImage{Registry: "docker.io", ImageName: "alpine"}, document.BaseImage{ImageDigest: "sha256:b"}, document.BaseImage{Registry: "*", ImageName: "*"})
	p.AllowedImages = some(d, 1, document.ImageRule{ImageName: "nginx:*", Whitelisted: true, Author: "jane"}, document.ImageRule{ImageName: "team/app", Blacklisted: true, Reason: []string{"a", "b"}}, document.ImageRule{Registry: "ghcr.io", ImageName: "*", Blacklisted: true})
	if d.yes(40) {
		p.Sallyport = &document.Extension{
			Inconclusive: document.Inconclusive(one(d, "", "warn", "block", "pass")), PUAIsMalicious: d.yes(40), MaxVerdictAge: one(d, 0, document.Duration(time.Hour), document.Duration(48*time.Hour)),
		}
		for range d.IntN(3) {
			p.Sallyport.Exempt = append(p.Sallyport.Exempt, document.Exemption{
				Image: one(d, "nginx:*", "team/app", "*", "never"), Control: one(d, "", "root_user", "dta", "max_severity", "license"), Reason: "r", Author: "a", Expires: document.Expiry{Time: one(d, someExpiries...)},
			})
		}
	}
	return p
}

// facts draws what is known of an image.
func (d dice) facts() *policies.Input {
	in := &policies.Input{Now: now}
	origin := func() policies.Origin { return policies.Origin{Known: d.yes(80), Source: "dice"} }
	in.Image = policies.Image{
		Registry: one(d, "docker.io", "ghcr.io"), Repository: one(d, "library/nginx", "team/app"), Tags: some(d, 2, "DTA", "1.27", "latest"), Digest: one(d, "sha256:a", "sha256:c"),
		OS: "linux", Architecture: "amd64", User: one(d, "", "root", "app", "0:0", "1000"), UID: one(d, "", "", "0", "101"), AquaLabels: some(d, 1, "DTA", "x"),
		Labels: one(d, nil, map[string]string{"stage": "prod"}, map[string]string{"stage": "dev", "owner": ""}, map[string]string{"x.y/\"z\"": "1"}),
	}
	in.Image.BaseImages.Origin = origin()
	in.Image.BaseImages.Items = some(d, 2, policies.BaseImage{Registry: "docker.io", Repository: "library/debian", Tag: "12.5"}, policies.BaseImage{Registry: "ghcr.io", Repository: "alpine", Digest: "sha256:b"})
	in.DTA = policies.DTA{
		Status: one(d, "none", "pending", "done", "done", "done", "skipped"), Malicious: d.yes(25), Verdict: one(d, report.Clean, report.Suspicious, report.Inconclusive),
		Severity: one(d, "", report.Info, report.Low, report.Medium, report.High, report.Critical), Time: now.Add(-time.Duration(d.IntN(72)) * time.Hour), Reason: one(d, "", "why"),
	}
	for range d.IntN(3) {
		in.DTA.Findings = append(in.DTA.Findings, policies.DTAFinding{Slug: "s", Message: one(d, "did this", "did that"), Severity: report.High})
	}
	if d.yes(60) {
		in.Context = policies.Context{Kind: "admission", Cluster: "east", Namespace: one(d, "prod-pay", "dev"), Labels: one(d, nil, map[string]string{"tier": "backend"})}
	}
	in.Packages.Origin = origin()
	for range d.IntN(8) {
		in.Packages.Items = append(in.Packages.Items, policies.Package{
			Format: one(d, someFormats...), Name: one(d, someNames...), Version: one(d, "1.0", "3.0.11", "2.14.1", "2.0"), Release: one(d, "", "1", "1~deb12u2"), Epoch: one(d, "", "", "1"),
			Arch: one(d, "", "amd64"), Licenses: some(d, 2, someLicenses...), Path: one(d, somePaths...),
		})
	}
	in.Vulnerabilities.Origin = origin()
	for range d.IntN(9) {
		v := policies.Vulnerability{
			ID: one(d, someIDs...), Severity: one(d, append(someSeverities, "")...), Score: one(d, someScores...), Package: one(d, someNames...), Path: one(d, somePaths...),
			FixVersion: one(d, "", "9"), Exploits: some(d, 2, "remote", "local"), FromBaseImage: d.yes(30), CustomSeverity: one(d, append(someSeverities, "", "", "")...),
		}
		if d.yes(50) {
			v.Published = now.AddDate(0, 0, -one(d, 0, 6, 7, 30, 31, -1))
		}
		if d.yes(50) {
			v.FixPublished = now.AddDate(0, 0, -one(d, 0, 6, 7, 30, 31)).Add(time.Duration(d.IntN(3)-1) * time.Nanosecond)
		}
		in.Vulnerabilities.Items = append(in.Vulnerabilities.Items, v)
	}
	in.Malware.Origin, in.Secrets.Origin = origin(), origin()
	for range d.IntN(4) {
		in.Malware.Items = append(in.Malware.Items, policies.MalwareFile{Path: one(d, somePaths...), Name: "m", PUA: d.yes(50)})
		in.Secrets.Items = append(in.Secrets.Items, policies.Secret{Path: one(d, somePaths...), Type: "private key"})
	}
	return in
}

func (d dice) documents(n int) []policies.Document {
	all := make([]policies.Document, n)
	for i := range all {
		all[i] = d.document(fmt.Sprintf("%s%03d", one(d, "p", "q-", "0", "in"), i))
	}
	return all
}
