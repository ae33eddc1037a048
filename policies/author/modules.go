package author

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/translate"
)

// snippets adds the custom checks that are written within a document.
func (s *Sources) snippets(p Policy) {
	for i, c := range p.Document.CustomChecks {
		if strings.TrimSpace(c.Snippet) == "" || c.Engine != "" && !strings.EqualFold(c.Engine, "rego") {
			continue
		}
		name := cmp.Or(c.Name, c.Path, c.ScriptID, fmt.Sprintf("custom check %d", i+1)) // as results call it
		text, added := c.Snippet, 0
		if !hasPackage(text) {
			// In force each check is alone; here they stand side by side.
			added = 2
			text = fmt.Sprintf("package custom[%q].check%d\n\n", p.Document.Name, i+1) + text
		}
		formatted := text
		if f, err := Format(name, []byte(text)); err == nil {
			formatted = string(f.New)
		}
		if slices.ContainsFunc(s.Modules, func(m Module) bool { return m.Text == text || m.Text == formatted }) {
			continue // the same check in several policies, or in a tree
		}
		s.Modules = append(s.Modules, Module{
			File: fmt.Sprintf("%s#%s.rego", p.File, name), Text: text,
			Path: "checks/" + p.Document.Name + "/" + fileName(name) + ".rego", added: added,
		})
	}
}

// hasPackage tells whether a snippet begins with its package.
func hasPackage(snippet string) bool {
	for line := range strings.Lines(snippet) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		return strings.HasPrefix(line, "package ") || strings.HasPrefix(line, "package\t")
	}
	return false
}

// written are the modules that authors wrote. In a tree the generated packages
// stand beside them.
func (s *Sources) written(generated []Module) ([]Module, Faults) {
	texts := map[string]string{}
	for _, m := range generated {
		texts[path.Base(m.Path)] = m.Text
	}
	var own []Module
	var faults Faults
	for _, m := range s.Modules {
		text, known := texts[path.Base(m.Path)]
		switch {
		case !known || path.Base(path.Dir(m.Path)) != "assurance" || !strings.Contains(m.Text, translate.Mark):
			own = append(own, m)
		case m.Text != text:
			faults = append(faults, Fault{"is generated, and not what its policy is translated to now: change the policy and translate it again", CodeCheck, Location{File: m.File}})
		}
	}
	return own, faults
}

// placed gives faults in snippets the lines that their authors see.
func (s *Sources) placed(faults Faults) Faults {
	for i, f := range faults {
		for _, m := range s.Modules {
			if m.added > 0 && m.File == f.Location.File {
				faults[i].Location.Row = max(1, f.Location.Row-m.added)
			}
		}
	}
	return faults
}

// fileName is name with nothing in it that a file system takes for something else.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
}

// Generated are the packages that decide for the policies, sorted by file.
// Policies that cannot be translated are in the error.
func (s *Sources) Generated() ([]Module, error) {
	var modules []Module
	var faults Faults
	for _, p := range s.Policies {
		pkg, err := translate.Document(p.Document)
		if err != nil {
			faults = append(faults, faultsOf(p.File, fmt.Errorf("policy %q: %w", p.Document.Name, err))...)
			continue
		}
		modules = append(modules, Module{File: pkg.File, Text: pkg.Rego, Path: filepath.ToSlash(pkg.File)})
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.File, b.File) })
	return modules, faults.err()
}
