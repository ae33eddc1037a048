package clock

import (
	"time"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
)

// How long the guest must have been at rest before its clocks jump.
const (
	pollEvery   = 3 * time.Millisecond
	restEvery   = 100 * time.Millisecond // when there is nothing to jump to
	settleAfter = 10 * time.Millisecond
	busyAfter   = 2 * time.Second // without rest, and without anything that anybody sees
	busyAgain   = 500 * time.Millisecond
)

// runner is Clock.Run under way.
type runner struct {
	*Clock
	net   traffic
	tasks []*kernel.Task
	now   posture

	settled time.Time // since when nothing has changed
	alive   time.Time // the last sign of life, or jump
	acts    uint64    // at alive
	rested  bool      // there is nothing more to jump to until the guest acts

	// Since the last jump:
	jumped posture                      // what it was before
	freed  map[*kernel.ThreadGroup]bool // whose timers expired
	acted  bool                         // events came, or packets moved
}

// look looks at the guest once, and jumps when it is time.
func (r *runner) look(at time.Time) {
	before := r.now
	r.now, r.tasks = look(r.k, r.o, r.tasks)
	packets := r.net.count(r.k, at)
	if acts := r.cfg.Acts(); packets || acts != r.acts {
		r.acts, r.alive, r.settled = acts, at, at
		r.acted, r.rested = true, false
	}
	if !r.now.waiting || r.now.all != before.all {
		r.settled = at
	}
	if r.held.Load() {
		r.alive, r.settled = at, at
		return
	}
	if r.rested || r.net.busy(at) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case at.Sub(r.settled) >= settleAfter:
		r.plan.outcome(r.acted || r.now.others(r.jumped, r.freed))
		timers := pending(r.k, r.o)
		r.take(r.plan.next(timers, r.k.MonotonicClock().Now().Nanoseconds(), r.skipped, r.jumps), timers)
	case at.Sub(r.alive) >= r.patience():
		r.plan.outcome(r.acted)
		r.take(r.plan.busy(r.skipped, r.jumps), nil)
	}
}

// patience is how long a guest that never rests is left alone.
func (r *runner) patience() time.Duration {
	if r.plan.stride > 0 && !r.acted { // it has proved to be one
		return busyAgain
	}
	return busyAfter
}

// take does what was decided.
func (r *runner) take(s step, timers []Timer) {
	switch {
	case s.rest != "":
		r.rested = true
		state := r.state(pending(r.k, r.o))
		state.Why = s.rest
		r.cfg.Resting(state)
	case s.jump > 0:
		r.jumped, r.freed, r.acted = r.now, groups(timers, s.jump), false
		j := Jump{By: s.jump, How: Busy}
		if s.who != nil {
			j.How, j.Task = s.who.How, s.who.Task
		}
		r.jump(j)
		r.settled, r.alive = time.Now(), time.Now()
	}
}
