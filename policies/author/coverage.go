package author

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
)

// measured are the modules that coverage is about: what authors wrote, neither
// tests nor generated packages.
func measured(p *program, generated []Module) map[string]*ast.Module {
	tests := func(file string) bool { return Module{File: file}.Test() }
	machine := map[string]bool{}
	for _, m := range generated {
		machine[m.File] = true
	}
	all := map[string]*ast.Module{}
	for file, m := range p.modules {
		if !tests(file) && !machine[file] {
			all[file] = m.Copy() // compilation changes them
		}
	}
	return all
}

// Coverage is which lines of the authors' own rules the tests ran, in the form
// of "opa test --coverage". Tests and generated packages do not count. It is
// nil unless the options asked for it, and known after Run.
func (s *Suite) Coverage() *cover.Report {
	if s.cover == nil {
		return nil
	}
	r := s.cover.Report(s.measured)
	r.CoveredLines, r.NotCoveredLines, r.Coverage = 0, 0, 0
	for file, f := range r.Files {
		if s.measured[file] == nil {
			delete(r.Files, file)
			continue
		}
		r.CoveredLines += f.CoveredLines
		r.NotCoveredLines += f.NotCoveredLines
	}
	if all := r.CoveredLines + r.NotCoveredLines; all > 0 {
		r.Coverage = 100 * float64(r.CoveredLines) / float64(all)
	}
	return &r
}
