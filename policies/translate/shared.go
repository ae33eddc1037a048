package translate

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// sharedRules are those that the rules in body use, in the order in which they
// depend on each other.
func sharedRules(d *document.Document, controls []string, body string) (string, error) {
	rules := []struct {
		name, uses string
		data       any
	}{
		{"counted", "in counted", countedLines(d)},
		{"recent", "recent(v,", nil},
		{"ignored_path", "ignored_path(", pathConditions(d.IgnoredRiskResources)},
		{"listed", "listed(", nil},
	}
	var out bytes.Buffer
	if err := templates().ExecuteTemplate(&out, "shared_missing.rego.tmpl", missing(controls)); err != nil {
		return "", err
	}
	if d.PartialResultsImageFail && !strings.Contains(body+out.String(), "skip contains ") {
		out.WriteString("\n# No control of this policy can be skipped.\nskip := set()\n")
	}
	for _, r := range rules {
		if !strings.Contains(body, r.uses) && !strings.Contains(out.String(), r.uses) {
			continue
		}
		out.WriteByte('\n')
		if err := templates().ExecuteTemplate(&out, "shared_"+r.name+".rego.tmpl", r.data); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// source is a part of the facts that may be unknown.
type source struct {
	Part     string // below input, with dots
	Comment  string
	Message  string
	Controls []string // of the policy, that need it
}

// missing lists the parts of the facts that the controls need.
func missing(controls []string) []source {
	var needed []source
	for _, s := range []source{
		{"malware", "Nobody has looked for malware", "nobody has looked for malware in this image", []string{"malware"}},
		{"secrets", "Nobody has looked for secrets", "nobody has looked for secrets in this image", []string{"sensitive_data"}},
		{"vulnerabilities", "Nobody has looked for vulnerabilities", "nobody has looked for vulnerabilities in this image",
			[]string{"max_severity", "max_score", "aggregated_vulnerability", "cve_blacklist", "exploitability"}},
		{"packages", "Nobody has listed the packages", "nobody has listed the packages of this image",
			[]string{"blacklisted_packages", "required_packages", "license", "whitelisted_licenses"}},
		{"image.account", "Nobody has looked up the user", "nobody has looked up the user of this image", []string{"root_user"}},
		{"image.base_images", "Nobody knows the base image", "nobody knows what this image is built on", []string{"trusted_base_images"}},
	} {
		s.Controls = slices.DeleteFunc(s.Controls, func(c string) bool { return !slices.Contains(controls, c) })
		if len(s.Controls) > 0 {
			needed = append(needed, s)
		}
	}
	return needed
}

// Reason is where the facts say why the part is not known, for object.get.
func (s source) Reason() []string { return append(strings.Split(s.Part, "."), "reason") }

func countedLines(d *document.Document) []string {
	lines := filters(d)
	if d.ControlExcludeNoFix {
		lines = append([]string{"v.fix_version"}, lines...)
	}
	return lines
}

func ignoresPaths(d *document.Document) bool {
	return d.IgnoreRiskResourcesEnabled && len(d.IgnoredRiskResources) > 0
}

// pathConditions are alternatives, one of which holds for a path that is, or
// lies below, one of paths.
func pathConditions(paths []string) []string {
	var all []string
	for _, p := range paths {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if strings.Contains(p, "*") {
			if c := scope.Condition(p, "path"); c != "" {
				all = append(all, c)
				continue
			}
			all = append(all, "path")
			continue
		}
		p = strings.TrimSuffix(p, "/")
		all = append(all, "path == "+scope.Quote(p), "startswith(path, "+scope.Quote(p+"/")+")")
	}
	return all
}
