package document

import (
	"encoding/json"
	"io/fs"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// SourceField is where the API says from where a document comes. It is no part
// of the document, and is passed over when one is read.
const SourceField = "sallyport_source"

// Document is one assurance policy: which images (scope), what they must
// satisfy (controls), what happens otherwise (actions).
//
// One flat object serves all assurance types; fields that do not concern a
// type are present and zero. Unknown fields, nulls and the order of fields are
// remembered by Parse and UnmarshalJSON and written back by MarshalJSON, so a
// Document that was read must be changed in place (or in a copy), not rebuilt
// field by field. Make new ones with New, which sets the defaults.
type Document struct {
	// Identity.
	ID            int    `json:"id"`
	Name          string `json:"name"` // letters, digits, "-" and "_"
	Description   string `json:"description"`
	Author        string `json:"author"`
	AssuranceType string `json:"assurance_type"` // image, host, function, kubernetes, cf_application
	LastUpdate    string `json:"lastupdate"`
	Category      string `json:"category"`
	Domain        string `json:"domain"`
	DomainName    string `json:"domain_name"`
	Registry      string `json:"registry"`
	ReadOnly      bool   `json:"read_only"`  // built in: a template to copy or widen
	Permission    string `json:"permission"` // owner of the document; says nothing about images
	Enabled       bool   `json:"enabled"`    // absent means true

	// Actions.
	BlockFailed             bool            `json:"block_failed"`     // absent means true
	FailCICD                bool            `json:"fail_cicd"`        // absent means true
	AuditOnFailure          bool            `json:"audit_on_failure"` // absent means true
	Enforce                 bool            `json:"enforce"`
	EnforceAfterDays        int             `json:"enforce_after_days"` // 0 is at once
	PolicySettings          PolicySettings  `json:"policy_settings"`
	ForceMicroenforcer      bool            `json:"force_microenforcer"`
	PartialResultsImageFail bool            `json:"partial_results_image_fail"`
	ApplicationScopes       []string        `json:"application_scopes"`
	ExcludeScopes           []string        `json:"exclude_application_scopes"`
	Scope                   scope.Scope     `json:"scope"`
	Registries              json.RawMessage `json:"registries"` // before scope existed; kept, not read
	Labels                  json.RawMessage `json:"labels"`     // before scope existed; kept, not read
	Images                  json.RawMessage `json:"images"`     // before scope existed; kept, not read

	// Dynamic threat analysis and malware.
	DTAEnabled            bool     `json:"dta_enabled"`  // also selects what is run in the sandbox
	DTASeverity           Severity `json:"dta_severity"` // fails from here on; empty: only malice fails
	DisallowMalware       bool     `json:"disallow_malware"`
	MalwareAction         string   `json:"malware_action"`
	MalwarePaths          []string `json:"monitored_malware_paths"`
	MalwarePathsExcluded  []string `json:"exceptional_monitored_malware_paths"`
	ScanMalwareInArchives bool     `json:"scan_malware_in_archives"`
	ScanNFSMounts         bool     `json:"scan_nfs_mounts"`
	ScanProcessMemory     bool     `json:"scan_process_memory"`
	ScanWindowsRegistry   bool     `json:"scan_windows_registry"`

	// Vulnerabilities.
	CVSSSeverityEnabled        bool                    `json:"cvss_severity_enabled"`
	CVSSSeverity               Severity                `json:"cvss_severity"`
	CVSSSeverityExcludeNoFix   bool                    `json:"cvss_severity_exclude_no_fix"`
	MaximumScoreEnabled        bool                    `json:"maximum_score_enabled"`
	MaximumScore               float64                 `json:"maximum_score"` // 0 to 10
	MaximumScoreExcludeNoFix   bool                    `json:"maximum_score_exclude_no_fix"`
	ControlExcludeNoFix        bool                    `json:"control_exclude_no_fix"`
	CustomSeverityEnabled      bool                    `json:"custom_severity_enabled"`
	CustomSeverity             string                  `json:"custom_severity"`
	VulnerabilityScoreRange    []float64               `json:"vulnerability_score_range"` // low, high
	AggregatedVulnerability    AggregatedVulnerability `json:"aggregated_vulnerability"`
	CVEsDeniedEnabled          bool                    `json:"cves_black_list_enabled"`
	CVEsDenied                 []string                `json:"cves_black_list"`
	CVEsIgnoredEnabled         bool                    `json:"cves_white_list_enabled"`
	CVEsIgnored                []string                `json:"cves_white_list"`
	Exploitability             bool                    `json:"vulnerability_exploitability"`
	DisallowExploitTypes       []string                `json:"disallow_exploit_types"`
	IgnoreRecentlyPublished    bool                    `json:"ignore_recently_published_vln"`
	RecentlyPublishedDays      int                     `json:"ignore_recently_published_vln_period"`
	IgnoreRecentlyFixed        bool                    `json:"ignore_recently_published_fix_vln"`
	RecentlyFixedDays          int                     `json:"ignore_recently_published_fix_vln_period"`
	IgnoreBaseImage            bool                    `json:"ignore_base_image_vln"`
	IgnoreRiskResourcesEnabled bool                    `json:"ignore_risk_resources_enabled"`
	IgnoredRiskResources       []string                `json:"ignored_risk_resources"` // paths

	// Secrets, users, packages, licences, labels.
	ScanSensitiveData         bool        `json:"scan_sensitive_data"`
	IgnoredSensitiveResources []string    `json:"ignored_sensitive_resources"` // paths
	OnlyNoneRootUsers         bool        `json:"only_none_root_users"`
	PackagesDeniedEnabled     bool        `json:"packages_black_list_enabled"`
	PackagesDenied            []Package   `json:"packages_black_list"`
	PackagesRequiredEnabled   bool        `json:"packages_white_list_enabled"`
	PackagesRequired          []Package   `json:"packages_white_list"`
	LicensesDeniedEnabled     bool        `json:"blacklisted_licenses_enabled"`
	LicensesDenied            []string    `json:"blacklisted_licenses"`
	LicensesAllowedEnabled    bool        `json:"whitelisted_licenses_enabled"`
	LicensesAllowed           []string    `json:"whitelisted_licenses"` // only these
	RequiredLabelsEnabled     bool        `json:"required_labels_enabled"`
	RequiredLabels            []Label     `json:"required_labels"`
	ForbiddenLabelsEnabled    bool        `json:"forbidden_labels_enabled"`
	ForbiddenLabels           []Label     `json:"forbidden_labels"`
	TrustedBaseImagesEnabled  bool        `json:"trusted_base_images_enabled"`
	TrustedBaseImages         []BaseImage `json:"trusted_base_images"`
	AllowedImages             []ImageRule `json:"allowed_images"`

	// Custom checks and benchmarks.
	CustomChecksEnabled         bool            `json:"custom_checks_enabled"`
	CustomChecks                []CustomCheck   `json:"custom_checks"`
	SCAPEnabled                 bool            `json:"scap_enabled"`
	SCAPFiles                   json.RawMessage `json:"scap_files"`
	DockerCISEnabled            bool            `json:"docker_cis_enabled"`
	KubeCISEnabled              bool            `json:"kube_cis_enabled"`
	LinuxCISEnabled             bool            `json:"linux_cis_enabled"`
	WindowsCISEnabled           bool            `json:"windows_cis_enabled"`
	OpenShiftHardeningEnabled   bool            `json:"openshift_hardening_enabled"`
	KubernetesControls          json.RawMessage `json:"kubernetes_controls"`
	KubernetesControlsNames     []string        `json:"kubernetes_controls_names"`
	KubernetesControlsAVDIDs    []string        `json:"kubernetes_controls_avd_ids"`
	EnforceExcessivePermissions bool            `json:"enforce_excessive_permissions"`
	FunctionIntegrityEnabled    bool            `json:"function_integrity_enabled"`
	PermissionsDeniedEnabled    bool            `json:"blacklist_permissions_enabled"`
	PermissionsDenied           []string        `json:"blacklist_permissions"`

	// Scanning again.
	AutoScanEnabled    bool         `json:"auto_scan_enabled"`
	AutoScanConfigured bool         `json:"auto_scan_configured"`
	AutoScanTime       AutoScanTime `json:"auto_scan_time"`

	// What the public document has no field for.
	Sallyport *Extension `json:"sallyport,omitempty"`

	// Files are those beside the document, for custom checks with a path; nil
	// when it does not come from a folder.
	Files fs.FS `json:"-"`

	source []byte // compact JSON as it was read; nil for new documents
}
