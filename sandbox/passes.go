package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
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
// what the earlier ones showed, and on the time that is left:
//
//   - default, always;
//   - completion, when the image ended asking for variables;
//   - restart, when it left programs behind, or ended and left anything;
//   - persistence, when it left something to be run by others than its program;
//   - bait, when it has looked for more than it found.
//
// The last three are not made when the image was proved malicious already, or
// where the profile says so.
func (r *run) detonations(ctx context.Context) error {
	first := &pass{run: r, name: observation.Default, plan: r.plan, limit: r.budget.share()}
	if err := r.make(ctx, first); err != nil {
		return err
	}
	main, err := r.complete(ctx, first)
	r.main = main
	if err != nil || r.req.Profile.Name == protocol.Quick || !main.seen.Run.RanEntrypoint {
		return err
	}
	for _, more := range []func(context.Context, *pass) (*pass, error){r.restart, r.persistence, r.bait} {
		next, err := more(ctx, main)
		if err != nil {
			return err
		}
		if next == nil {
			continue
		}
		proved, err := r.proved(ctx)
		switch {
		case err != nil:
			return err
		case proved:
			r.skip(next.name, "the image was proved malicious without it")
		case r.enough(next.name):
			next.limit = r.budget.left()
			if err := r.make(ctx, next); err != nil && ctx.Err() != nil {
				return err
			} else if err != nil {
				// It may be the guest's doing: what it left is read by the Sentry.
				r.log.Warn("a pass could not be made", "pass", next.name, "error", err)
				r.skip(next.name, "it could not be made: "+err.Error())
			}
		}
	}
	return nil
}

// proved tells whether the passes so far have proved the image malicious.
func (r *run) proved(ctx context.Context) (bool, error) {
	judged, err := r.judgeAll(ctx)
	if err != nil {
		return false, err
	}
	j, err := judge.Together(ctx, judged)
	return j.Malicious, err
}

// restart starts the program again on what it left on disk, as an engine does
// with a container that is restarted.
func (r *run) restart(_ context.Context, main *pass) (*pass, error) {
	why := leftovers(main.seen)
	if why == "" && r.req.Profile.Name == protocol.Thorough {
		why = "the profile wants it"
	}
	if why == "" {
		return nil, nil
	}
	layer := main.layer(observation.Restart)
	if layer == nil {
		return nil, nil
	}
	return &pass{run: r, name: observation.Restart, plan: main.plan, on: layer, why: why}, nil
}

// persistence runs what an image left to be run later by cron, shells, init and
// others. That it is run is our doing; what it does then is the image's.
func (r *run) persistence(_ context.Context, main *pass) (*pass, error) {
	layer := main.layer(observation.Persistence)
	if layer == nil {
		return nil, nil
	}
	hooks, err := main.planted()
	if err != nil {
		r.skip(observation.Persistence, err.Error())
	}
	if len(hooks) == 0 {
		return nil, nil
	}
	var commands []string
	for _, h := range hooks {
		commands = append(commands, h.Command)
	}
	p := *main.plan
	if p.args, err = runAll(r.root, commands); err != nil {
		r.skip(observation.Persistence, err.Error())
		return nil, nil
	}
	p.ports, p.cwd = nil, "/"
	return &pass{
		run: r, name: observation.Persistence, plan: &p, on: layer, asRoot: true, commanded: true, hooks: hooks,
		why: "it left this to be run: " + strings.Join(commands, "; "),
	}, nil
}

// bait starts the program once more among what tempts: see setting.
func (r *run) bait(ctx context.Context, main *pass) (*pass, error) {
	if err := r.judge(ctx, main); err != nil {
		return nil, err
	}
	why := tempted(main.seen, main.judgement.Findings)
	if why == "" && r.req.Profile.Name == protocol.Thorough {
		why = "the profile wants it"
	}
	if why == "" {
		return nil, nil
	}
	return &pass{run: r, name: observation.Bait, plan: main.plan, tempting: true, why: why}, nil
}

// complete runs an image again that ended asking for variables, with those
// variables, and returns the last such pass, which stands for the image.
func (r *run) complete(ctx context.Context, last *pass) (*pass, error) {
	for round := 1; ; round++ {
		name := observation.Completion
		if round > 1 {
			name = fmt.Sprintf("%s-%d", name, round)
		}
		names := missing(last.seen.Run, last.plan.env)
		switch {
		case len(names) == 0:
			return last, nil
		case round > maxCompletions:
			r.skip(name, "it asks for variables without end")
			return last, nil
		case !r.enough(name):
			return last, nil
		}
		p := *last.plan
		p.env = slices.Concat(p.env, values(names))
		next := &pass{run: r, name: name, plan: &p, limit: r.budget.left(), why: asked(names)}
		if err := r.make(ctx, next); err != nil {
			return nil, err
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
