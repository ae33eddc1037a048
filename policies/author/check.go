package author

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// Checked is what Check says of one policy that nothing is wrong with.
type Checked struct {
	Name     string   `json:"name"`
	File     string   `json:"file"`
	Scope    string   `json:"scope"` // in textual form; empty: every image
	Controls []string `json:"controls"`
	Warnings []string `json:"warnings"`
}

// Report is what Check found.
type Report struct {
	Policies []Checked `json:"policies"` // that are well, in the order in which they were read
	Rego     []string  `json:"rego"`     // files that were compiled
	Errors   Faults    `json:"errors"`
}

// Check reads files and folders and finds all that is wrong: as documents, as
// each policy with its custom checks is put in force, and with all Rego side by
// side, as a bundle has it. The error says why nothing could be found out.
func Check(ctx context.Context, paths []string, s *Sources, readFaults error) (Report, error) {
	r := Report{Policies: []Checked{}, Rego: []string{}, Errors: Faults{}}
	var read Faults
	if readFaults != nil && !errors.As(readFaults, &read) {
		return r, readFaults
	}
	r.Errors = append(r.Errors, read...)
	if len(s.Policies)+len(s.Modules) == 0 && len(read) == 0 {
		return r, fmt.Errorf("%w in %s", ErrNothing, strings.Join(paths, ", "))
	}
	for _, p := range s.Policies {
		checked, faults := checkPolicy(ctx, p)
		if err := ctx.Err(); err != nil {
			return r, context.Cause(ctx)
		}
		r.Errors = append(r.Errors, faults...)
		if len(faults) == 0 {
			r.Policies = append(r.Policies, checked)
		}
	}
	for _, m := range s.Modules {
		if !strings.Contains(m.File, "#") {
			r.Rego = append(r.Rego, m.File)
		}
	}
	generated, _ := s.Generated() // what cannot be translated was said above
	program, err := s.parse(generated)
	if err == nil {
		err = program.compile(ctx)
	}
	var together Faults
	switch {
	case errors.As(err, &together):
		r.Errors = append(r.Errors, s.placed(together)...)
	case err != nil:
		return r, err
	}
	r.Errors = r.Errors.sorted()
	return r, nil
}

// checkPolicy compiles one policy as it is put in force, and each of its custom
// checks by itself, so that every fault has its place.
func checkPolicy(ctx context.Context, p Policy) (Checked, Faults) {
	plain := p.Document
	plain.CustomChecksEnabled = false
	_, err := policies.Compile(ctx, []policies.Document{plain}, policies.Options{})
	faults := faultsOf(p.File, err)
	if p.Document.CustomChecksEnabled {
		for _, c := range p.Document.CustomChecks {
			faults = append(faults, checkCustom(ctx, p, c)...)
		}
	}
	if len(faults) > 0 {
		return Checked{}, faults
	}
	set, err := policies.Compile(ctx, []policies.Document{p.Document}, policies.Options{})
	if err != nil {
		return Checked{}, faultsOf(p.File, err)
	}
	known, _ := set.Policy(p.Document.Name)
	return Checked{
		Name: p.Document.Name, File: p.File, Scope: known.Scope,
		Controls: append([]string{}, known.Controls...), Warnings: append([]string{}, known.Warnings...),
	}, nil
}

func checkCustom(ctx context.Context, p Policy, c document.CustomCheck) Faults {
	one := p.Document
	one.Enabled = true // a policy that is off has its checks compiled only when it is on
	one.CustomChecks = []document.CustomCheck{c}
	_, err := policies.Compile(ctx, []policies.Document{one}, policies.Options{})
	faults := faultsOf(p.File, err)
	for i, f := range faults {
		switch file := f.Location.File; {
		case strings.HasPrefix(f.Code, "rego_") && strings.TrimSpace(c.Snippet) != "":
			faults[i].Location.File = p.File + "#" + file
			if !hasPackage(c.Snippet) {
				faults[i].Location.Row = max(1, f.Location.Row-2) // it was given one
			}
		case strings.HasPrefix(f.Code, "rego_"), f.Code == CodeRead:
			faults[i].Location.File = filepath.Join(filepath.Dir(p.File), filepath.FromSlash(file))
		case c.Path != "":
			faults[i].Code = CodeCheck
		}
	}
	return faults
}

// Names lists the policies' names, sorted.
func (s *Sources) Names() []string {
	names := make([]string, len(s.Policies))
	for i, p := range s.Policies {
		names[i] = p.Document.Name
	}
	slices.Sort(names)
	return names
}
