package judge

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
// there is at least one, in their order. Each was judged by itself; what they
// amount to is said in sandbox/behaviours/verdict_image.rego.
//
// Findings of the same behaviour are one, with the evidence of all passes. The
// error is ctx's, or tells that nothing could be concluded.
func Together(ctx context.Context, passes []Pass) (Judgement, error) {
	if len(passes) == 1 {
		return passes[0].Judgement, nil
	}
	main := speaks(passes)
	j := main.Judgement
	j.Findings, j.Faults = nil, nil
	for _, p := range passes {
		j.Findings = unite(j.Findings, p)
		j.Faults = append(j.Faults, p.Judgement.Faults...)
	}
	slices.SortStableFunc(j.Findings, worse)
	for i := range j.Findings {
		j.Findings[i].ID = fmt.Sprintf("f%d", i+1)
	}
	rules, err := compileBuiltIn()
	if err == nil {
		err = j.conclude(ctx, rules.together, addUp(passes, main))
	}
	if err != nil {
		return Judgement{}, fmt.Errorf("judging passes together: %w", err)
	}
	return j, nil
}

// told is a pass as the logic of the verdict sees it.
type told struct {
	Pass    string            `json:"pass"`
	Verdict report.Conclusion `json:"verdict"`
	Reason  string            `json:"reason"`
	Score   int               `json:"score"`
}

func (p Pass) told() told {
	return told{p.spoken(), p.Judgement.Verdict, p.Judgement.Reason, p.Judgement.Score}
}

// addUp is what the logic of the verdict sees of all passes.
func addUp(passes []Pass, main Pass) any {
	in := struct {
		Main         told             `json:"main"`
		Passes       []told           `json:"passes"`
		Signals      []signal         `json:"signals"`
		Families     map[string][]int `json:"families"`
		CriticalLost uint64           `json:"critical_lost"`
	}{Main: main.told(), Signals: []signal{}, Families: map[string][]int{}}
	kin := families(passes)
	at := map[[3]string]int{} // a behaviour in a family and pass is one signal
	for i, p := range passes {
		in.Passes = append(in.Passes, p.told())
		in.CriticalLost += p.Observation.Run.Counts.CriticalLost
		for _, s := range p.Judgement.signals {
			s.Pass = p.spoken()
			if s.lineage != "" {
				s.Family = kin.of(strand{i, s.lineage})
			}
			key := [3]string{p.name(), s.Family, string(s.Category) + "/" + s.Slug}
			if n, ok := at[key]; ok {
				in.Signals[n].add(s)
				continue
			}
			s.Events, s.Subjects = slices.Clip(s.Events), slices.Clip(s.Subjects) // they are p's
			at[key] = len(in.Signals)
			if s.Family != "" {
				in.Families[s.Family] = append(in.Families[s.Family], len(in.Signals))
			}
			in.Signals = append(in.Signals, s)
		}
	}
	maps.DeleteFunc(in.Families, func(_ string, list []int) bool { return len(list) == 1 })
	return in
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
