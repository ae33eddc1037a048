package translate

import "github.com/sallyport-dev/sallyport/policies/document"

// controls lists what is translated, in the order of checks and rules. The
// identifiers are those of the API's checks_performed.
var controls = []control{
	{"allowed_images", func(d *document.Document) bool { return len(denied(d)) > 0 }, allowedImagesData},
	{"dta", func(d *document.Document) bool { return d.DTAEnabled }, dtaData},
	{"malware", func(d *document.Document) bool { return d.DisallowMalware }, malwareData},
	{"sensitive_data", func(d *document.Document) bool { return d.ScanSensitiveData }, sensitiveData},
	{"max_severity", func(d *document.Document) bool { return d.CVSSSeverityEnabled && d.CVSSSeverity != "" }, maxSeverityData},
	{"max_score", func(d *document.Document) bool { return d.MaximumScoreEnabled }, maxScoreData},
	{"aggregated_vulnerability", func(d *document.Document) bool { return d.AggregatedVulnerability.Enabled }, aggregatedData},
	{"cve_blacklist", func(d *document.Document) bool { return d.CVEsDeniedEnabled }, cveBlacklistData},
	{"exploitability", func(d *document.Document) bool { return d.Exploitability }, exploitabilityData},
	{"root_user", func(d *document.Document) bool { return d.OnlyNoneRootUsers }, nothing},
	{"blacklisted_packages", func(d *document.Document) bool { return d.PackagesDeniedEnabled }, deniedPackagesData},
	{"required_packages", func(d *document.Document) bool { return d.PackagesRequiredEnabled }, requiredPackagesData},
	{"license", func(d *document.Document) bool { return d.LicensesDeniedEnabled }, deniedLicensesData},
	{"whitelisted_licenses", func(d *document.Document) bool { return d.LicensesAllowedEnabled }, allowedLicensesData},
	{"required_labels", func(d *document.Document) bool { return d.RequiredLabelsEnabled }, requiredLabelsData},
	{"forbidden_labels", func(d *document.Document) bool { return d.ForbiddenLabelsEnabled }, forbiddenLabelsData},
	{"trusted_base_images", func(d *document.Document) bool { return d.TrustedBaseImagesEnabled }, trustedBaseImagesData},
	{"force_microenforcer", func(d *document.Document) bool { return d.ForceMicroenforcer }, nothing},
	{CustomChecks, func(d *document.Document) bool { return d.CustomChecksEnabled && len(d.CustomChecks) > 0 }, nil},
	{"partial_results", func(d *document.Document) bool { return d.PartialResultsImageFail }, nothing},
}

// Controls lists the identifiers of all controls, in the order of checks.
func Controls() []string {
	ids := make([]string, len(controls))
	for i, c := range controls {
		ids[i] = c.id
	}
	return ids
}

// CustomChecks is the control of the authors' own packages, which are not part
// of the generated one.
const CustomChecks = "custom_checks"

// nothing is for templates that read nothing of the document.
func nothing(*document.Document) (any, error) { return nil, nil }
