package samples

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/report"
)

// Sample is one image and what its run must show.
type Sample struct {
	Name   string // e.g. "reverse-shell/child"; the part before the slash is the behaviour it is about
	Near   bool   // looks like the behaviour and is not
	Image  Spec
	Expect Expect
}

// Expect is what a report of the sample must say.
type Expect struct {
	MustHave []Finding
	MustNot  []string            // slugs
	Verdict  []report.Conclusion // any of them
}

// Finding is a behaviour that must be found, and what its evidence must hold.
// Each text must be part of some evidence's path, destination, domain, argv,
// data or detail.
type Finding struct {
	Slug     string
	Evidence []string
}

// Slug is the behaviour that the sample is about.
func (s Sample) Slug() string {
	slug, _, _ := strings.Cut(s.Name, "/")
	return slug
}

// Check compares a report with what is expected, and lists what differs.
func (e Expect) Check(r *report.Report) []string {
	var faults []string
	found := map[string][]report.Evidence{}
	for _, f := range r.Findings {
		found[f.Slug] = append(found[f.Slug], f.Evidence...)
	}
	for _, want := range e.MustHave {
		evidence, ok := found[want.Slug]
		if !ok {
			faults = append(faults, fmt.Sprintf("%s was not found", want.Slug))
			continue
		}
		for _, text := range want.Evidence {
			if !holds(evidence, text) {
				faults = append(faults, fmt.Sprintf("%s: no evidence holds %q, only %+v", want.Slug, text, evidence))
			}
		}
	}
	for _, slug := range e.MustNot {
		if evidence, ok := found[slug]; ok {
			faults = append(faults, fmt.Sprintf("%s was found: %+v", slug, evidence))
		}
	}
	if !contains(e.Verdict, r.Verdict) {
		faults = append(faults, fmt.Sprintf("the verdict is %s (%s), not one of %v", r.Verdict, r.Summary, e.Verdict))
	}
	return faults
}

func holds(evidence []report.Evidence, text string) bool {
	for _, e := range evidence {
		all := strings.Join([]string{e.Path, e.Exe, e.Dst, e.Domain, e.Data, e.Detail, strings.Join(e.Argv, " ")}, "\n")
		if strings.Contains(all, text) {
			return true
		}
	}
	return false
}

func contains(list []report.Conclusion, c report.Conclusion) bool {
	for _, l := range list {
		if l == c {
			return true
		}
	}
	return false
}

// Build makes the image of a sample.
func (s Sample) Build(k *Kit) (v1.Image, error) {
	img, err := k.Image(s.Image)
	if err != nil {
		return nil, fmt.Errorf("sample %s: %w", s.Name, err)
	}
	return img, nil
}
