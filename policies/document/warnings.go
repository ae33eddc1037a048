package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Warnings says what the author of a document should know although it loads:
// fields that nothing reads, and scopes that look like a mistake.
func (d Document) Warnings() []string {
	var all []string
	if d.source != nil {
		fields, err := splitObject(d.source)
		if err != nil {
			return []string{err.Error()}
		}
		names := slices.Sorted(maps.Keys(knownFields()))
		for _, f := range fields {
			if !isKnown(f.name) {
				all = append(all, unknown(f.name, names)+" (kept, not read)")
			}
		}
	}
	if d.Scope.Everything() && len(d.Scope.Variables) > 0 {
		all = append(all, "scope: has variables but no expression, so it includes every image")
	}
	if _, known := d.Changed(); d.EnforceAfterDays > 0 && !known {
		all = append(all, "enforce_after_days: nobody knows since when the policy runs (lastupdate is empty), so it is enforced at once")
	}
	all = append(all, d.unjudged()...)
	for i, v := range d.Scope.Variables {
		if v.Attribute == "image.name" && beginsWithRegistry(v.Value) {
			all = append(all, fmt.Sprintf("scope: v%d (%s) begins with what looks like a registry, but image.name has none: use aqua.registry beside it", i+1, v))
		}
	}
	for i, r := range d.AllowedImages {
		if beginsWithRegistry(r.ImageName) {
			all = append(all, fmt.Sprintf("allowed_images[%d]: imagename (%s) begins with what looks like a registry, which stands in the field registry: no image has such a name", i, r.ImageName))
		}
	}
	for i, b := range d.TrustedBaseImages {
		if beginsWithRegistry(b.ImageName) {
			all = append(all, fmt.Sprintf("trusted_base_images[%d]: imagename (%s) begins with what looks like a registry, which stands in the field registry: no image has such a name", i, b.ImageName))
		}
	}
	if d.Sallyport != nil {
		for i, e := range d.Sallyport.Exempt {
			if beginsWithRegistry(e.Image) {
				all = append(all, fmt.Sprintf("sallyport.exempt[%d]: image (%s) begins with what looks like a registry, but is compared with the name without one: no image is excused", i, e.Image))
			}
		}
	}
	return all
}

// beginsWithRegistry tells whether name looks like one with the registry's host,
// which image.name is without.
func beginsWithRegistry(name string) bool {
	host, _, found := strings.Cut(name, "/")
	return found && strings.ContainsAny(host, ".:")
}

// unjudged lists what is switched on and decides nothing.
func (d Document) unjudged() []string {
	var all []string
	if d.AssuranceType != "image" {
		return []string{fmt.Sprintf("assurance_type: policies about %q are kept, and judge no image", d.AssuranceType)}
	}
	if d.CVSSSeverityEnabled && d.CVSSSeverity == "" {
		all = append(all, "cvss_severity_enabled: cvss_severity is empty, so that nothing fails; write negligible, low, medium, high or critical")
	}
	if d.CustomChecksEnabled && len(d.CustomChecks) == 0 {
		all = append(all, "custom_checks_enabled: there are no custom_checks")
	}
	for _, c := range []struct {
		field, list string
		on          bool
		entries     int
	}{
		{"cves_black_list_enabled", "cves_black_list", d.CVEsDeniedEnabled, len(d.CVEsDenied)},
		{"packages_black_list_enabled", "packages_black_list", d.PackagesDeniedEnabled, len(d.PackagesDenied)},
		{"packages_white_list_enabled", "packages_white_list", d.PackagesRequiredEnabled, len(d.PackagesRequired)},
		{"blacklisted_licenses_enabled", "blacklisted_licenses", d.LicensesDeniedEnabled, len(d.LicensesDenied)},
		{"required_labels_enabled", "required_labels", d.RequiredLabelsEnabled, len(d.RequiredLabels)},
		{"forbidden_labels_enabled", "forbidden_labels", d.ForbiddenLabelsEnabled, len(d.ForbiddenLabels)},
	} {
		if c.on && c.entries == 0 {
			all = append(all, fmt.Sprintf("%s: %s is empty, so that nothing fails", c.field, c.list))
		}
	}
	for i, r := range d.AllowedImages {
		if !r.Whitelisted && !r.Blacklisted {
			all = append(all, fmt.Sprintf("allowed_images[%d]: is neither whitelisted nor blacklisted, so it decides nothing", i))
		}
	}
	for _, c := range []struct {
		field string
		on    bool
	}{
		{"scap_enabled", d.SCAPEnabled}, {"docker_cis_enabled", d.DockerCISEnabled}, {"kube_cis_enabled", d.KubeCISEnabled}, {"linux_cis_enabled", d.LinuxCISEnabled},
		{"windows_cis_enabled", d.WindowsCISEnabled}, {"openshift_hardening_enabled", d.OpenShiftHardeningEnabled},
		{"enforce_excessive_permissions", d.EnforceExcessivePermissions}, {"function_integrity_enabled", d.FunctionIntegrityEnabled}, {"blacklist_permissions_enabled", d.PermissionsDeniedEnabled},
	} {
		if c.on {
			all = append(all, c.field+": kept, and judges no image")
		}
	}
	return all
}

// unknown names a key that nobody knows and the nearest that is known.
func unknown(name string, known []string) string {
	best := Nearest(name, known)
	if best == "" {
		return fmt.Sprintf("unknown field %q", name)
	}
	return fmt.Sprintf("unknown field %q, did you mean %q?", name, best)
}

// Nearest is the name among known that somebody who wrote name may have meant;
// empty when none is near.
func Nearest(name string, known []string) string {
	best, distance := "", 4
	for _, k := range known {
		if n := editDistance(name, k); n < distance {
			best, distance = k, n
		}
	}
	return best
}

// editDistance is Levenshtein's, for names; long texts count as far apart.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
