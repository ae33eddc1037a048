package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// changing is rules that are others after the first judgement.
type changing struct{ asked int }

func (c *changing) Ruleset() string { return fmt.Sprint(min(c.asked, 2)) }

func (c *changing) Judge(context.Context, *observation.Observation) (judge.Judgement, error) {
	c.asked++
	return judge.Judgement{Ruleset: c.Ruleset()}, nil
}

// TestOneSetOfRulesJudgesAllPasses although it changes between them, in a run
// and in the judgement of an earlier one.
func TestOneSetOfRulesJudgesAllPasses(t *testing.T) {
	rules := &changing{}
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{cfg: Config{Judge: rules}, metrics: m}
	u := &run{runner: r, log: slog.New(slog.DiscardHandler)}
	for range 3 {
		u.made = append(u.made, &pass{run: u, seen: &observation.Observation{}})
	}
	judged, err := u.judgeAll(t.Context())
	if err != nil || len(judged) != 3 || rules.asked != 6 {
		t.Fatalf("%d passes, %d judgements, %v", len(judged), rules.asked, err)
	}
	for _, p := range judged {
		if p.Judgement.Ruleset != "2" {
			t.Errorf("a pass was judged by the rules %s", p.Judgement.Ruleset)
		}
	}
	rules.asked = 0
	rep, _, err := r.Judge(t.Context(), []*observation.Observation{{}, {}})
	if err != nil || rep.Tool.Ruleset != "2" || rules.asked != 4 {
		t.Errorf("an earlier run: rules %v, %d judgements, %v", rep, rules.asked, err)
	}
}
