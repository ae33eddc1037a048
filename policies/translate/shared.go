package translate

import (
	"bytes"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// sharedRules are those that the rules in body use, in the order in which they
// depend on each other.
func sharedRules(d *document.Document, body string) (string, error) {
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
	for _, r := range rules {
		if !strings.Contains(body, r.uses) && !strings.Contains(out.String(), r.uses) {
			continue
		}
		out.WriteByte('\n')
		if err := templates.ExecuteTemplate(&out, "shared_"+r.name+".rego.tmpl", r.data); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

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
