package judge_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// died is the observation of an entrypoint that lacked something.
func died(pass string) *observation.Observation {
	o := run(event.Event{Kind: event.Exit, Exit: &event.Status{Code: 1}})
	o.Run.Pass, o.Run.Status, o.Run.Duration = pass, observation.Completed, time.Second
	return o
}

func named(pass string, o *observation.Observation) *observation.Observation {
	o.Run.Pass = pass
	return o
}

func TestTogether(t *testing.T) {
	j := newJudge(t)
	for name, c := range map[string]struct {
		passes []*observation.Observation
		want   report.Conclusion
		shown  string // the pass that the report's exit code is of
	}{
		"the first alone":                    {[]*observation.Observation{died("default")}, report.Inconclusive, "default"},
		"got what it asked for":              {[]*observation.Observation{died("default"), named("completion", run())}, report.Clean, "completion"},
		"asked again":                        {[]*observation.Observation{died("default"), died("completion"), named("completion-2", run())}, report.Clean, "completion-2"},
		"a later pass that failed":           {[]*observation.Observation{run(), died("bait")}, report.Clean, "default"},
		"a later pass cannot save the first": {[]*observation.Observation{died("default"), named("bait", run())}, report.Inconclusive, "default"},
		"proved in a later pass":             {[]*observation.Observation{run(), named("bait", run(reverseShell()...))}, report.Malicious, "default"},
		"proved in the first":                {[]*observation.Observation{run(reverseShell()...), died("restart")}, report.Malicious, "default"},
	} {
		t.Run(name, func(t *testing.T) {
			var passes []judge.Pass
			for _, o := range c.passes {
				passes = append(passes, judge.Pass{Observation: o, Judgement: mustJudge(t, j, o)})
			}
			r := reportOf(t, passes, judge.Meta{ID: "x"})
			if r.Verdict != c.want || r.Malicious != (c.want == report.Malicious) {
				t.Errorf("verdict %s, want %s: %s", r.Verdict, c.want, r.Summary)
			}
			if len(r.Run.Coverage.Passes) != len(passes) || len(r.Run.Passes) != len(passes) {
				t.Errorf("passes %v, coverage %+v", r.Run.Passes, r.Run.Coverage.Passes)
			}
			if exited := r.Run.Exit != nil; exited != (c.passes[slices.Index(r.Run.Passes, c.shown)].Run.Exit != nil) {
				t.Errorf("the exit code is not that of %s: %+v", c.shown, r.Run.Exit)
			}
		})
	}
}

func TestFindingsOfSeveralPasses(t *testing.T) {
	j := newJudge(t)
	var passes []judge.Pass
	for _, o := range []*observation.Observation{run(reverseShell()...), named("bait", run(reverseShell()...))} {
		passes = append(passes, judge.Pass{Observation: o, Judgement: mustJudge(t, j, o)})
	}
	r := reportOf(t, passes, judge.Meta{ID: "x"})
	alone := reportOf(t, passes[:1], judge.Meta{ID: "x"})
	if len(r.Findings) != len(alone.Findings) || r.Behash != alone.Behash {
		t.Errorf("%d findings in two equal passes, %d in one", len(r.Findings), len(alone.Findings))
	}
	i := slices.IndexFunc(r.Findings, func(f report.Finding) bool { return f.Slug == "reverse-shell" })
	if i < 0 {
		t.Fatalf("findings %+v", r.Findings)
	}
	in := map[string]int{}
	for _, e := range r.Findings[i].Evidence {
		in[e.Pass]++
	}
	if in[""] == 0 || in["bait"] == 0 {
		t.Errorf("evidence by pass: %v", in)
	}
	ids := map[string]bool{}
	for _, p := range r.Processes {
		if ids[p.ID] {
			t.Errorf("two processes are %s", p.ID)
		}
		ids[p.ID] = true
		if p.Parent != "" && !ids[p.Parent] {
			t.Errorf("%s has a parent %s that is not there", p.ID, p.Parent)
		}
	}
}
