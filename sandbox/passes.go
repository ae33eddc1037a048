package sandbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// budget is the wall time of all passes of a run together.
type budget struct{ total, used time.Duration }

func (b budget) left() time.Duration { return b.total - b.used }

// share is how long the first pass may take: so long that others, if they
// should be worth it, are not left without time. Most end by themselves.
func (b budget) share() time.Duration {
	if b.total < longBudget {
		return b.total
	}
	return b.total * 2 / 3
}

// longBudget is from where on a budget is shared.
const longBudget = 60 * time.Second

// detonations makes the passes that this image is worth. Which ones depends on
// what the earlier ones showed, and on the time that is left.
func (r *run) detonations(ctx context.Context) error {
	first := &pass{run: r, name: observation.Default, plan: r.plan, limit: r.budget.share()}
	if err := r.make(ctx, first); err != nil {
		return err
	}
	return r.complete(ctx, first)
}

// complete runs an image again that ended asking for variables, with those
// variables.
func (r *run) complete(ctx context.Context, last *pass) error {
	for round := 1; ; round++ {
		name := observation.Completion
		if round > 1 {
			name = fmt.Sprintf("%s-%d", name, round)
		}
		names := missing(last.seen.Run, last.plan.env)
		switch {
		case len(names) == 0:
			return nil
		case round > maxCompletions:
			r.skip(name, "it asks for variables without end")
			return nil
		case !r.enough(name):
			return nil
		}
		p := *last.plan
		p.env = slices.Concat(p.env, values(names))
		next := &pass{run: r, name: name, plan: &p, limit: r.budget.left(), why: asked(names)}
		if err := r.make(ctx, next); err != nil {
			return err
		}
		last = next
	}
}

// maxCompletions is how often an image may ask for more variables.
const maxCompletions = 3

// enough tells whether the time that is left is worth another pass; if not, it
// is skipped.
func (r *run) enough(name string) bool {
	if need := r.runner.cfg.Idle + startTime; r.budget.left() < need {
		r.skip(name, fmt.Sprintf("only %v of %v were left", r.budget.left().Round(100*time.Millisecond), r.budget.total))
		return false
	}
	return true
}

// startTime is how long a guest takes at most, as a rule, until it does what it does.
const startTime = 5 * time.Second

func (r *run) skip(name, reason string) {
	r.skipped = append(r.skipped, observation.Skipped{Pass: name, Reason: reason})
}
