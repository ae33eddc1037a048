package samples

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/report"
)

// Sample is one image and what its run must show.
type Sample struct {
	Name  string // e.g. "reverse-shell/child"; the part before the slash is the behaviour it is about
	Near  bool   // looks like the behaviour and is not
	Image Spec
	// Profile is how it is run, as a sandbox's clients say: standard for samples
	// that show themselves in a later pass. Empty means in one pass.
	Profile string
	Expect  Expect
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
	Category report.Category // empty: any
	Severity report.Severity // at least; empty: any
	Chain    []string        // programs, each started by the one before or by one that it started; the last is that of some evidence
}

// Slug is the behaviour that the sample is about.
func (s Sample) Slug() string {
	slug, _, _ := strings.Cut(s.Name, "/")
	return slug
}

// Check compares a report with what is expected, and lists what differs.
func (e Expect) Check(r *report.Report) []string {
	var faults []string
	found, heads := map[string][]report.Evidence{}, map[string][]report.Finding{}
	for _, f := range r.Findings {
		found[f.Slug] = append(found[f.Slug], f.Evidence...)
		heads[f.Slug] = append(heads[f.Slug], f)
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
	for _, want := range e.MustHave {
		if list := heads[want.Slug]; len(list) > 0 {
			faults = append(faults, want.differs(list, r.Processes)...)
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

// differs compares the findings of one slug with what is wanted of it.
func (f Finding) differs(list []report.Finding, processes []report.Process) []string {
	var faults []string
	if c := list[0].Category; f.Category != "" && c != f.Category {
		faults = append(faults, fmt.Sprintf("%s is in the category %s, not %s", f.Slug, c, f.Category))
	}
	worst := report.Severity("")
	linked := len(f.Chain) == 0
	for _, l := range list {
		if l.Severity.Rank() > worst.Rank() {
			worst = l.Severity
		}
		for _, e := range l.Evidence {
			linked = linked || endsWith(chain(e, processes), f.Chain)
		}
	}
	if worst.Rank() < f.Severity.Rank() {
		faults = append(faults, fmt.Sprintf("%s is of severity %s, not %s", f.Slug, worst, f.Severity))
	}
	if !linked {
		faults = append(faults, fmt.Sprintf("%s: no evidence is of a process that comes from %s", f.Slug, strings.Join(f.Chain, " → ")))
	}
	return faults
}

// chain names the programs from the first one to that of e: what they were
// called, and their files.
func chain(e report.Evidence, processes []report.Process) []string {
	byID, at := map[string]report.Process{}, ""
	for _, p := range processes {
		byID[p.ID] = p
		if p.PID == e.PID && p.Exe == e.Exe && slices.Equal(p.Argv, e.Argv) {
			at = p.ID
		}
	}
	var up []string
	for p, ok := byID[at]; ok; p, ok = byID[p.Parent] {
		name := p.Exe
		if len(p.Argv) > 0 {
			name += " " + strings.Join(p.Argv, " ")
		}
		up = append(up, name)
		if len(up) > len(processes) {
			break
		}
	}
	slices.Reverse(up)
	return up
}

// endsWith: each wanted text stands in one of the names, in this order, the
// last in the last.
func endsWith(names, want []string) bool {
	if len(want) == 0 {
		return true
	}
	if len(names) == 0 || !strings.Contains(names[len(names)-1], want[len(want)-1]) {
		return false
	}
	i := 0
	for _, n := range names {
		if i < len(want) && strings.Contains(n, want[i]) {
			i++
		}
	}
	return i == len(want)
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
