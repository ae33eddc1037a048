package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Pass is one detonation of an image with what the rules make of it.
type Pass struct {
	Observation *observation.Observation
	Judgement   Judgement
}

// name is the pass as reports tell it.
func (p Pass) name() string { return cmp.Or(p.Observation.Run.Pass, observation.Default) }

// spoken names the pass where the first one goes without saying.
func (p Pass) spoken() string {
	if n := p.name(); n != observation.Default {
		return n
	}
	return ""
}

// id makes an ID of one pass one of the whole run.
func (p Pass) id(id string) string {
	if n := p.spoken(); n != "" && id != "" {
		return n + "/" + id
	}
	return id
}

// speaks is the pass that tells whether the image could be run at all: the
// first one, or the one in which it got what it had asked for.
func speaks(passes []Pass) Pass {
	main := passes[0]
	for _, p := range passes[1:] {
		if isCompletion(p.name()) {
			main = p
		}
	}
	return main
}

func isCompletion(name string) bool {
	return len(name) >= len(observation.Completion) && name[:len(observation.Completion)] == observation.Completion
}

// Together is the judgement on an image that was detonated in passes, of which
// there is at least one, in their order. Each pass was judged by itself, and
// the worst counts:
//
//   - what one pass proves is proved, and what is suspicious in one is suspicious;
//   - whether anything else is clean or inconclusive is for the pass to say that
//     stands for the image (see speaks): another one that failed takes nothing away.
//
// Findings of the same behaviour are one, with the evidence of all passes.
func Together(passes []Pass) Judgement {
	if len(passes) == 1 {
		return passes[0].Judgement
	}
	worst := speaks(passes)
	for _, p := range passes {
		if bad(p.Judgement.Verdict) > bad(worst.Judgement.Verdict) {
			worst = p
		}
	}
	j := worst.Judgement
	if n := worst.spoken(); n != "" && bad(j.Verdict) > 0 {
		j.Reason = fmt.Sprintf("%s (in the pass %q)", j.Reason, n)
	}
	j.Findings, j.Faults = nil, nil
	for _, p := range passes {
		j.Findings = unite(j.Findings, p)
		j.Faults = append(j.Faults, p.Judgement.Faults...)
		j.Score = max(j.Score, p.Judgement.Score)
		if p.Judgement.Severity.Rank() > j.Severity.Rank() {
			j.Severity = p.Judgement.Severity
		}
	}
	slices.SortStableFunc(j.Findings, worse)
	for i := range j.Findings {
		j.Findings[i].ID = fmt.Sprintf("f%d", i+1)
	}
	return j
}

// bad ranks the verdicts that a single pass decides.
func bad(c report.Conclusion) int {
	switch c {
	case report.Malicious:
		return 2
	case report.Suspicious:
		return 1
	}
	return 0
}

// unite adds the findings of a pass to those of earlier ones. A behaviour that
// was found already gets more evidence, unless it shows worse now.
func unite(list []report.Finding, p Pass) []report.Finding {
	known := len(list) // what one pass tells apart stays apart
	for _, f := range p.Judgement.Findings {
		f.Lineage = p.id(f.Lineage)
		f.Evidence = slices.Clone(f.Evidence)
		for i := range f.Evidence {
			f.Evidence[i].Pass = p.spoken()
		}
		i := slices.IndexFunc(list[:known], func(have report.Finding) bool { return have.Category == f.Category && have.Slug == f.Slug })
		if i < 0 {
			list = append(list, f)
			continue
		}
		into, more := list[i], f
		if worse(f, into) < 0 && (f.Malicious != into.Malicious || f.Severity != into.Severity) {
			into, more = f, into
		}
		into.Count += more.Count
		room := max(0, maxEvidence-len(into.Evidence))
		into.Evidence = append(slices.Clone(into.Evidence), more.Evidence[:min(room, len(more.Evidence))]...)
		list[i] = into
	}
	return list
}
