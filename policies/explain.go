package policies

import (
	"fmt"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Inclusion says why a policy judges an image, or does not.
type Inclusion struct {
	Policy    string `json:"policy"`
	Included  bool   `json:"in_scope"`
	Undecided bool   `json:"not_decidable_here,omitempty"` // rests on what is not known here, which was taken as false
	Scope     string `json:"scope"`                        // in textual form; empty: every image
	Terms     []Term `json:"terms,omitempty"`              // of the scope, in the order of its variables
	Off       string `json:"off,omitempty"`                // why the policy judges no image at all
}

// Term is one variable of a scope, asked by itself.
type Term struct {
	Text  string `json:"term"` // image.repo.pay/*
	Holds bool   `json:"holds"`
}

// Explain says of every policy whether its scope includes an image, and which
// of its terms hold.
func (s *Set) Explain(in *Input) []Inclusion {
	subject := in.subject()
	all := make([]Inclusion, 0, len(s.policies))
	for _, p := range s.policies {
		i := Inclusion{Policy: p.doc.Name, Scope: p.doc.Scope.String()}
		switch {
		case !p.doc.Enabled:
			i.Off = "the policy is not enabled"
		case !p.active():
			i.Off = fmt.Sprintf("the policy is about the assurance type %q", p.doc.AssuranceType)
		}
		i.Included, i.Undecided = p.matcher.Match(&subject)
		i.Included = i.Included && i.Off == ""
		if !p.doc.Scope.Everything() {
			for _, v := range p.doc.Scope.Variables {
				one := scope.Scope{Expression: "v1", Variables: []scope.Variable{v}}
				m, err := scope.Compile(one)
				if err != nil {
					continue // p would not have compiled
				}
				holds, _ := m.Match(&subject)
				i.Terms = append(i.Terms, Term{one.String(), holds})
			}
		}
		all = append(all, i)
	}
	return all
}

// Missing are the parts of the facts that the policies read which include the
// image, that could be found out by a look into its layers, and are not known.
func (s *Set) Missing(in *Input) []Part {
	known := map[Part]bool{
		PartAccount: in.Image.Account.Known, PartOSRelease: in.Image.OSRelease.Known, PartSetuid: in.Image.Setuid.Known,
		PartBaseImages: in.Image.BaseImages.Known, PartPackages: in.Packages.Known,
	}
	var missing []Part
	for _, p := range s.Needs(in) {
		if k, found := known[p]; found && !k {
			missing = append(missing, p)
		}
	}
	return missing
}
