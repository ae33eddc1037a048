package policies

import (
	"slices"
)

// Part is a group of facts that somebody must find out about an image, beyond
// what its configuration says: the fields of the facts document that have "known".
type Part string

// The parts, by the names of their fields.
const (
	PartAccount         Part = "account"    // input.image.account, uid, gid, runs_as_root
	PartOSRelease       Part = "os_release" // input.image.os_release
	PartSetuid          Part = "setuid"     // input.image.setuid, file_capabilities
	PartBaseImages      Part = "base_images"
	PartPackages        Part = "packages"
	PartVulnerabilities Part = "vulnerabilities"
	PartMalware         Part = "malware"
	PartSecrets         Part = "secrets"
)

// partsOf are the parts that each control reads; others read none.
var partsOf = map[string]Part{
	"malware":                  PartMalware,
	"sensitive_data":           PartSecrets,
	"max_severity":             PartVulnerabilities,
	"max_score":                PartVulnerabilities,
	"aggregated_vulnerability": PartVulnerabilities,
	"cve_blacklist":            PartVulnerabilities,
	"exploitability":           PartVulnerabilities,
	"root_user":                PartAccount,
	"blacklisted_packages":     PartPackages,
	"required_packages":        PartPackages,
	"license":                  PartPackages,
	"whitelisted_licenses":     PartPackages,
	"trusted_base_images":      PartBaseImages,
}

// needsOf are the parts that p reads.
func (p *policy) needsOf() []Part {
	var all []Part
	for _, control := range p.pkg.Controls {
		if part, ok := partsOf[control]; ok {
			all = append(all, part)
		}
	}
	for _, c := range p.checks {
		if c.check == nil {
			continue
		}
		for _, part := range c.check.Reads().Parts {
			all = append(all, Part(part))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// configured are the controls that read the image's configuration, dta among
// them: what is queued for analysis says its platform.
var configured = []string{"dta", "root_user", "required_labels", "forbidden_labels", "trusted_base_images"}

// readsConfig tells whether what p says of an image that it includes depends on its configuration.
func (p *policy) readsConfig() bool {
	return slices.ContainsFunc(p.pkg.Controls, func(c string) bool { return slices.Contains(configured, c) }) ||
		slices.ContainsFunc(p.checks, func(c *customCheck) bool { return c.check != nil && c.check.Reads().Config })
}

// ReadsContent tells whether Evaluate's answer about an image can depend on
// what is in it: on its configuration, or on one of the parts that somebody
// finds out. When it cannot, names, labels that were attached here and the
// verdict are enough to know it.
func (s *Set) ReadsContent(in *Input, found []Part) bool {
	subject := in.subject()
	for _, p := range s.active {
		if p.labelled {
			return true
		}
		reads := p.config || slices.ContainsFunc(p.needs, func(n Part) bool { return slices.Contains(found, n) })
		if !reads {
			continue
		}
		if included, _ := p.matcher.Match(&subject); included {
			return true
		}
	}
	return false
}

// Needs lists the parts of the facts that the policies whose scope includes
// the image read, sorted. The parts themselves may be missing in in.
func (s *Set) Needs(in *Input) []Part {
	subject := in.subject()
	var all []Part
	for _, p := range s.active {
		if len(p.needs) == 0 {
			continue
		}
		if included, _ := p.matcher.Match(&subject); included {
			all = append(all, p.needs...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
