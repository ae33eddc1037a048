package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Caps on what one rule may say about one run.
const (
	maxFindings = 1000 // of one rule
	maxEvidence = 20   // of one finding
	maxMessage  = 500  // bytes
	maxData     = 512  // bytes of an excerpt
	maxArgv     = 1024 // bytes of arguments in evidence
)

// collection gathers what rules find, in the words of a report.
type collection struct {
	o     *observation.Observation
	found []found
}

// found is one finding with what only the verdict asks for.
type found struct {
	report.Finding
	group string
}

func newCollection(o *observation.Observation) *collection { return &collection{o: o} }

// answer is an element of a rule's set finding.
type answer struct {
	Message    string          `json:"message"`
	Severity   report.Severity `json:"severity"`
	Malicious  bool            `json:"malicious"`
	Confidence *int            `json:"confidence"`
	Lineage    string          `json:"lineage"`
	Evidence   []evidence      `json:"evidence"`
}

type evidence struct {
	Type    string `json:"type"`
	Event   uint64 `json:"event"`
	MS      int64  `json:"ms"`
	Process string `json:"process"`
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Dst     string `json:"dst"`
	Domain  string `json:"domain"`
	Data    string `json:"data"`
	Detail  string `json:"detail"`
}

// add takes the set finding of b. What is well-formed is kept; the error tells
// of the rest.
func (c *collection) add(b Behaviour, set any) error {
	list, ok := set.([]any)
	if !ok {
		return fmt.Errorf("finding is a %T; write \"finding contains …\"", set)
	}
	var errs []error
	if len(list) > maxFindings {
		errs = append(errs, fmt.Errorf("%d findings, of which %d are kept", len(list), maxFindings))
		list = list[:maxFindings]
	}
	for _, element := range list {
		f, err := c.finding(b, element)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.found = append(c.found, f)
	}
	return errors.Join(errs...)
}

func (c *collection) finding(b Behaviour, element any) (found, error) {
	var a answer
	if err := decode(element, &a); err != nil {
		return found{}, fmt.Errorf("finding: %w", err)
	}
	if a.Message == "" || len(a.Evidence) == 0 {
		return found{}, errors.New("finding: it needs a message and at least one element of evidence")
	}
	f := found{group: b.Group, Finding: report.Finding{
		Slug: b.Slug, Name: b.Title, Category: b.Category, Severity: b.Severity, Malicious: a.Malicious,
		Confidence: 80, Attack: b.Attack, Count: 1, Lineage: a.Lineage,
		Message: cut(a.Message, maxMessage), Description: b.Description, Remediation: b.Remediation,
	}}
	if a.Severity != "" {
		s, err := report.ParseSeverity(string(a.Severity))
		if err != nil {
			return found{}, fmt.Errorf("finding: %w", err)
		}
		f.Severity = s
	}
	if a.Confidence != nil {
		f.Confidence = max(0, min(100, *a.Confidence))
	}
	for _, e := range a.Evidence[:min(len(a.Evidence), maxEvidence)] {
		f.Evidence = append(f.Evidence, c.evidence(e))
	}
	f.FirstSeenMS = firstSeen(f.Evidence)
	return f, nil
}

// evidence adds to e what the observation knows of its process.
func (c *collection) evidence(e evidence) report.Evidence {
	r := report.Evidence{
		Type: cmp.Or(e.Type, "process"), Event: e.Event, TimeMS: max(e.MS, 0), Path: e.Path, SHA256: e.SHA256,
		Dst: e.Dst, Domain: e.Domain, Data: cut(e.Data, maxData), Detail: cut(e.Detail, maxMessage),
	}
	if p := c.o.Processes[e.Process]; p != nil {
		r.PID, r.Exe = p.PID, p.Exe
		r.SHA256 = cmp.Or(r.SHA256, p.SHA256)
		r.Argv = shortArgv(p.Argv)
	}
	return r
}

// shortArgv is the arguments as far as a report shows them.
func shortArgv(argv []string) []string {
	out := []string{}
	room := maxArgv
	for _, a := range argv {
		if room <= 0 {
			break
		}
		out = append(out, cut(a, room))
		room -= len(a) + 1
	}
	return out
}

// forVerdict is what the verdict's logic sees.
func (c *collection) forVerdict() []map[string]any {
	list := []map[string]any{}
	for _, f := range c.found {
		events := []uint64{}
		for _, e := range f.Evidence {
			if e.Event != 0 {
				events = append(events, e.Event)
			}
		}
		list = append(list, map[string]any{
			"slug": f.Slug, "category": f.Category, "group": f.group, "severity": f.Severity,
			"malicious": f.Malicious, "lineage": f.Lineage, "events": events,
		})
	}
	return list
}

// signal is a finding as it is added up with those of other passes.
type signal struct {
	Slug     string          `json:"slug"`
	Category report.Category `json:"category"`
	Group    string          `json:"group"`
	Severity report.Severity `json:"severity"`
	Pass     string          `json:"pass"`
	Family   string          `json:"family"`   // see families; "" of what belongs to no process
	Events   []uint64        `json:"events"`   // numbered over all passes
	Subjects []string        `json:"subjects"` // what the evidence is about, the same in every pass

	lineage string // in its pass
}

// signals is the findings, one by one.
func (c *collection) signals() []signal {
	list := make([]signal, 0, len(c.found))
	for _, f := range c.found {
		s := signal{Slug: f.Slug, Category: f.Category, Group: f.group, Severity: f.Severity, lineage: f.Lineage, Events: []uint64{}, Subjects: []string{}}
		for _, e := range f.Evidence {
			if e.Event != 0 {
				s.Events = append(s.Events, e.Event)
			}
			s.Subjects = append(s.Subjects, subject(e))
		}
		list = append(list, s)
	}
	return list
}

// add joins another finding of the same behaviour to s.
func (s *signal) add(other signal) {
	if other.Severity.Rank() > s.Severity.Rank() {
		s.Severity = other.Severity
	}
	s.Events = append(s.Events, other.Events...)
	s.Subjects = append(s.Subjects, other.Subjects...)
}

// subject is what evidence is about, without what differs when it is done again.
func subject(e report.Evidence) string {
	return strings.Join([]string{e.Type, e.Exe, strings.Join(e.Argv, " "), e.Path, cmp.Or(e.Domain, e.Dst)}, "\x00")
}

// merged is the findings as a report lists them: the same behaviour in the same
// lineage once, the worst first, with IDs.
func (c *collection) merged() []report.Finding {
	slices.SortStableFunc(c.found, func(a, b found) int { return worse(a.Finding, b.Finding) })
	list := []report.Finding{}
	at := map[string]int{}
	for _, f := range c.found {
		key := string(f.Category) + "/" + f.Slug + "/" + f.Lineage
		i, ok := at[key]
		if !ok {
			at[key] = len(list)
			list = append(list, f.Finding)
			continue
		}
		into := &list[i]
		into.Count++
		into.FirstSeenMS = min(into.FirstSeenMS, f.FirstSeenMS)
		for _, e := range f.Evidence {
			if len(into.Evidence) < maxEvidence && !slices.ContainsFunc(into.Evidence, func(have report.Evidence) bool { return same(have, e) }) {
				into.Evidence = append(into.Evidence, e)
			}
		}
	}
	for i := range list {
		list[i].ID = fmt.Sprintf("f%d", i+1)
	}
	return list
}

func same(a, b report.Evidence) bool {
	return a.Type == b.Type && a.Event == b.Event && a.Path == b.Path && a.Dst == b.Dst && a.Detail == b.Detail
}

// worse orders findings: proof first, then by severity; the rest only makes
// the order the same every time.
func worse(a, b report.Finding) int {
	if a.Malicious != b.Malicious {
		if a.Malicious {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
		cmp.Compare(a.Category, b.Category),
		cmp.Compare(a.Slug, b.Slug),
		cmp.Compare(a.FirstSeenMS, b.FirstSeenMS),
		cmp.Compare(a.Message, b.Message),
	)
}

func firstSeen(list []report.Evidence) int64 {
	first := list[0].TimeMS
	for _, e := range list[1:] {
		first = min(first, e.TimeMS)
	}
	return first
}

// cut shortens s to n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:max(0, n-len("…"))] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
