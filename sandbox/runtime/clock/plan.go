package clock

import (
	"cmp"
	"slices"
	"time"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
)

// Why clocks jump no further.
const (
	NothingWaits = "nothing waits for a time"
	SkippedAll   = "as much was skipped as may be"
	JumpedAll    = "the clocks jumped as often as they may"
)

// A timer that has expired so often without anything coming of it is taken for
// housekeeping, and no longer stopped at when something else waits.
const housekeeping = 32

// least is worth a jump; what is nearer is waited for.
const least = settleAfter

// plan decides how far the clocks jump. Programs tick: a server looks around
// once a second, and all the while something in it may wait for an hour. To
// stop at every tick would never get there, to stop at none would skip a loop
// that counts. So each timer is stopped at until it has proved to be
// housekeeping; then only the others are. When nothing else is left, it is
// stopped at for a while longer, and then strode over ever further, for the
// program that looks at the clock at each tick. One that does something at each
// tick, a shell that calls date and sleep, gets a third of the jumps; then all
// waits are leapt over.
type plan struct {
	maxSkip  time.Duration
	maxJumps int

	known  map[unsafe.Pointer]*habit
	stride time.Duration // of the last jump that strode; 0: none yet
	leap   time.Duration // of the last jump that went over everything; 0: none yet
	last   []ending      // what the last jump brought to its end

	longest time.Duration // wait at whose end the guest acted
}

// habit is what is known of a timer.
type habit struct {
	at    ktime.Time // when it expires
	since int64      // what time it was when at was first seen, ns skipped and real
	idle  int        // how often it expired in a row without consequence
}

// ending is a wait that a jump ended.
type ending struct {
	key  unsafe.Pointer
	wait time.Duration
}

// step is what to do next.
type step struct {
	jump time.Duration // 0: none
	rest string        // why there will be none; "": wait a little
	who  *Timer        // that is jumped to; nil when nobody waits
}

// outcome tells the plan whether anything came of the last jump.
func (p *plan) outcome(acted bool) {
	for _, e := range p.last {
		if acted {
			p.longest = max(p.longest, e.wait)
		}
		if h := p.known[e.key]; h != nil && acted {
			h.idle = 0
		} else if h != nil {
			h.idle++
		}
	}
	if acted {
		p.stride = 0
	}
	p.last = nil
}

// next decides. now is the guest's monotonic time in ns, skipped and jumps are
// what was done so far.
func (p *plan) next(timers []Timer, now int64, skipped time.Duration, jumps int) step {
	p.learn(timers, now)
	if len(timers) == 0 {
		return step{rest: NothingWaits}
	}
	slices.SortFunc(timers, func(a, b Timer) int { return cmp.Compare(a.Left, b.Left) })
	if jumps >= p.maxJumps {
		return step{rest: JumpedAll}
	}
	tired := func(t Timer) bool { return p.known[t.key].idle >= housekeeping }
	target := slices.IndexFunc(timers, func(t Timer) bool { return !tired(t) })
	left := p.maxSkip - skipped
	s, strides := step{}, false
	switch {
	case jumps >= p.maxJumps/3 && left > 0 && timers[0].Left <= left:
		strides = true
		p.leap = max(2*p.leap, time.Minute)
		s.who, s.jump = &timers[0], min(max(p.leap, timers[0].Left), left)
	case target >= 0 && timers[target].Left > left:
		return step{rest: SkippedAll}
	case target >= 0:
		s.who, s.jump = &timers[target], timers[target].Left
	case jumps < p.maxJumps/6 && timers[0].Left <= left:
		s.who, s.jump = &timers[0], timers[0].Left
	case left <= 0:
		return step{rest: SkippedAll}
	default:
		strides = true
		p.stride = max(2*p.stride, 2*timers[0].Left, time.Second)
		s.who, s.jump = &timers[0], min(p.stride, left)
	}
	if s.jump < least {
		return step{}
	}
	for _, t := range timers {
		if t.Left > s.jump {
			break
		}
		e := ending{key: t.key}
		if !strides { // which does more than end it
			e.wait = time.Duration(now-p.known[t.key].since) + t.Left
		}
		p.last = append(p.last, e)
	}
	return s
}

// busy decides for a guest that never rests, and does nothing that anybody sees:
// it may compute, or look at the clock all the time.
func (p *plan) busy(skipped time.Duration, jumps int) step {
	left := p.maxSkip - skipped
	switch {
	case left <= 0:
		return step{rest: SkippedAll}
	case jumps >= p.maxJumps:
		return step{rest: JumpedAll}
	}
	p.stride = max(2*p.stride, time.Minute)
	return step{jump: min(p.stride, left)}
}

// learn updates what is known of timers, and forgets those that are no more.
func (p *plan) learn(timers []Timer, now int64) {
	known := make(map[unsafe.Pointer]*habit, len(timers))
	for _, t := range timers {
		h := p.known[t.key]
		if h == nil {
			h = &habit{}
		}
		if h.at != t.at {
			h.at, h.since = t.at, now
		}
		known[t.key] = h
	}
	p.known = known
}

// ticks tells a timer that has expired before, and nothing came of it.
func (p *plan) ticks(t Timer) bool {
	h := p.known[t.key]
	return h != nil && h.idle > 0
}

// soon is how much later than a jump a timer's expiry still belongs to it.
const soon = 100 * time.Millisecond

// groups are the processes whose timers expire with a jump of d.
func groups(timers []Timer, d time.Duration) map[*kernel.ThreadGroup]bool {
	set := map[*kernel.ThreadGroup]bool{}
	for _, t := range timers {
		if t.Left <= d+soon && t.Task != nil {
			set[t.Task.ThreadGroup()] = true
		}
	}
	return set
}
