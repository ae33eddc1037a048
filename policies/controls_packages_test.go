package policies_test

import (
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
)

func TestDeniedPackages(t *testing.T) {
	judge(t, "blacklisted_packages", []controlCase{
		{"denied package", "packages_black_list_enabled: true\npackages_black_list: [{name: bash}]", nil, "failed", "bash 1:5.2.15-2"},
		{"denied package is not there", "packages_black_list_enabled: true\npackages_black_list: [{name: bas}]", nil, "passed", ""},
		{"denied by pattern", "packages_black_list_enabled: true\npackages_black_list: [{name: \"log4j*\"}]", nil, "failed", "log4j-core 2.14.1"},
		{"denied below a fixed version", "packages_black_list_enabled: true\npackages_black_list: [{name: openssl, format: deb, version_range: \"<3.0.11-1~deb12u3\"}]", nil, "failed", "openssl"},
		{"the fixed version itself", "packages_black_list_enabled: true\npackages_black_list: [{name: openssl, format: deb, version_range: \"<3.0.11-1~deb12u2\"}]", nil, "passed", ""},
		{"a range in any format", "packages_black_list_enabled: true\npackages_black_list: [{name: \"log4j*\", version_range: \">=2, <2.17.1\"}]", nil, "failed", "log4j-core"},
		{"denied by exact version", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: 5.2.15}]", nil, "failed", "bash"},
		{"denied by version with release", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: \"1:5.2.15-2\"}]", nil, "failed", "bash"},
		{"another version", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, version: \"5.2\"}]", nil, "passed", ""},
		{"every field", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, format: DEB, epoch: \"1\", version: \"5.*\", release: \"2\", arch: amd64, license: gpl-3*, version_range: \">1:5,<2:0\"}]", nil, "failed", "bash"},
		{"every field but one", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, format: deb, epoch: \"1\", version: \"5.*\", release: \"3\", arch: amd64}]", nil, "passed", ""},
		{"denied by licence alone", "packages_black_list_enabled: true\npackages_black_list: [{license: \"GPL*\"}]", nil, "failed", "bash"},
		{"packages, nobody looked", "packages_black_list_enabled: true\npackages_black_list: [{name: bash}]", nothingKnown, "skipped", "nobody has listed the packages"},
		{"deb: equal to the bound, which counts", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<=1.0-1\"}]", pkg(policies.Package{Format: "deb", Name: "x", Version: "1.0", Release: "1", Epoch: ""}), "failed", "x "},
		{"deb: equal to the bound, which does not count", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<1.0-1\"}]", pkg(policies.Package{Format: "deb", Name: "x", Version: "1.0", Release: "1", Epoch: ""}), "passed", ""},
		{"deb: a tilde comes before the release", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<1.0\"}]", pkg(policies.Package{Format: "deb", Name: "x", Version: "1.0~rc1", Release: "1", Epoch: ""}), "failed", "x "},
		{"deb: an epoch outweighs the version", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<2.0\"}]", pkg(policies.Package{Format: "deb", Name: "x", Version: "1.0", Release: "1", Epoch: "1"}), "passed", ""},
		{"deb: a rebuild comes after", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">1.0-1\"}]", pkg(policies.Package{Format: "deb", Name: "x", Version: "1.0", Release: "1+b1", Epoch: ""}), "failed", "x "},
		{"rpm: equal to the bound, which counts", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<=1.0-1.el9\"}]", pkg(policies.Package{Format: "rpm", Name: "x", Version: "1.0", Release: "1.el9", Epoch: ""}), "failed", "x "},
		{"rpm: equal to the bound, which does not count", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">1.0-1.el9\"}]", pkg(policies.Package{Format: "rpm", Name: "x", Version: "1.0", Release: "1.el9", Epoch: ""}), "passed", ""},
		{"rpm: a caret comes after the release", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">1.0-9\"}]", pkg(policies.Package{Format: "rpm", Name: "x", Version: "1.0^git1", Release: "1", Epoch: ""}), "failed", "x "},
		{"rpm: numbers are numbers", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">=1.9\"}]", pkg(policies.Package{Format: "rpm", Name: "x", Version: "1.10", Release: "1", Epoch: ""}), "failed", "x "},
		{"apk: equal to the bound, which counts", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<=1.2-r3\"}]", pkg(policies.Package{Format: "apk", Name: "x", Version: "1.2", Release: "r3", Epoch: ""}), "failed", "x "},
		{"apk: equal to the bound, which does not count", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<1.2-r3\"}]", pkg(policies.Package{Format: "apk", Name: "x", Version: "1.2", Release: "r3", Epoch: ""}), "passed", ""},
		{"apk: a candidate comes before the release", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<1.2\"}]", pkg(policies.Package{Format: "apk", Name: "x", Version: "1.2_rc1", Release: "r0", Epoch: ""}), "failed", "x "},
		{"apk: a patch comes after the release", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">1.2\"}]", pkg(policies.Package{Format: "apk", Name: "x", Version: "1.2_p1", Release: "r0", Epoch: ""}), "failed", "x "},
		{"npm: a candidate comes before the release", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"<1.0.0\"}]", pkg(policies.Package{Format: "npm", Name: "x", Version: "1.0.0-rc.1", Release: "", Epoch: ""}), "failed", "x "},
		{"npm: all but one version", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \">=1,!=2.0.0\"}]", pkg(policies.Package{Format: "npm", Name: "x", Version: "2.0.0", Release: "", Epoch: ""}), "passed", ""},
		{"npm: a version alone is that version", "packages_black_list_enabled: true\npackages_black_list: [{name: x, version_range: \"2.0\"}]", pkg(policies.Package{Format: "npm", Name: "x", Version: "2.0.0", Release: "", Epoch: ""}), "failed", "x "},
		{"an empty list denies no package", "packages_black_list_enabled: true\npackages_black_list: []", nil, "passed", ""},
		{"another architecture", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, arch: arm64}]", nil, "passed", ""},
		{"another format", "packages_black_list_enabled: true\npackages_black_list: [{name: bash, format: rpm}]", nil, "passed", ""},
	})
}

func TestRequiredPackages(t *testing.T) {
	judge(t, "required_packages", []controlCase{
		{"required package", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}, {name: openssl, version_range: \">=3\"}]", nil, "passed", ""},
		{"required package is missing", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}, {name: tzdata}, {name: openssl, version_range: \">=4\"}]", nil, "failed", "lacks openssl >=4, tzdata"},
		{"required, nobody looked", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}]", nothingKnown, "skipped", "nobody"},
		{"any of several versions", "packages_white_list_enabled: true\npackages_white_list: [{name: bash, version: \"5.*\"}]", nil, "passed", ""},
		{"version equal to the least that is required", "packages_white_list_enabled: true\npackages_white_list: [{name: openssl, format: deb, version_range: \">=3.0.11-1~deb12u2\"}]", nil, "passed", ""},
		{"an empty list requires nothing", "packages_white_list_enabled: true\npackages_white_list: []", nil, "passed", ""},
		{"packages are known and there are none", "packages_white_list_enabled: true\npackages_white_list: [{name: bash}]", func(in *policies.Input) { in.Packages.Items = nil }, "failed", "lacks bash"},
	})
}

func TestDeniedLicences(t *testing.T) {
	judge(t, "license", []controlCase{
		{"denied licence", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [gpl-3.0-or-later]", nil, "failed", "GPL-3.0-or-later (bash)"},
		{"denied licence by pattern", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [\"GPL*\"]", nil, "failed", "bash"},
		{"no denied licence", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [AGPL-3.0-only]", nil, "passed", ""},
		{"licence in another case", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [GPL-3.0-OR-LATER]", nil, "failed", "bash"},
		{"nobody says the licence, and that is denied", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [NOASSERTION]", pkg(policies.Package{Name: "tzdata", Licenses: []string{"NOASSERTION"}}), "failed", "NOASSERTION (tzdata)"},
		{"part of a licence", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [GPL-3.0]", nil, "passed", ""},
		{"an empty list denies no licence", "blacklisted_licenses_enabled: true\nblacklisted_licenses: []", nil, "passed", ""},
		{"licence, nobody looked", "blacklisted_licenses_enabled: true\nblacklisted_licenses: [MIT]", nothingKnown, "skipped", "nobody"},
	})
}

func TestAllowedLicences(t *testing.T) {
	judge(t, "whitelisted_licenses", []controlCase{
		{"only allowed licences", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [Apache-2.0, \"GPL-3.0*\"]", nil, "warning", "nobody knows the licence of log4j-core"},
		{"nobody says the licence, as the gate finds it", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [MIT]", pkg(policies.Package{Name: "tzdata", Licenses: []string{"NOASSERTION"}}), "warning", "nobody knows the licence of tzdata"},
		{"nobody says the licence, and that is allowed", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [MIT, NOASSERTION]", pkg(policies.Package{Name: "tzdata", Licenses: []string{"NOASSERTION"}}), "passed", ""},
		{"another licence", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [Apache-2.0]", nil, "failed", "GPL-3.0-or-later (bash)"},
		{"licences, nobody looked", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [MIT]", nothingKnown, "skipped", "nobody"},
		{"an empty list allows none", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: []", nil, "failed", "Apache-2.0 (openssl), GPL-3.0-or-later (bash)"},
		{"any licence", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [\"*\"]", func(in *policies.Input) { in.Packages.Items = in.Packages.Items[:2] }, "passed", ""},
		{"allowed in another case", "whitelisted_licenses_enabled: true\nwhitelisted_licenses: [apache-2.0]", func(in *policies.Input) { in.Packages.Items = in.Packages.Items[:1] }, "passed", ""},
	})
}
