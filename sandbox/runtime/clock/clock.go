package clock

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
)

// Config bounds how far the clocks of a run jump by themselves.
type Config struct {
	MaxSkip  time.Duration // in all jumps together, ordered ones included
	MaxJumps int
	Answer   time.Duration // how long an answer from the network may take; default 1.5 s

	// Acts counts what the guest did, as far as anybody watches; it tells a
	// timer that makes the program act from one that only ticks. May be nil.
	Acts func() uint64
	// Jumping is called before each jump, and may wait until the jump is known
	// outside. May be nil.
	Jumping func(Jump)
	// Resting is called when there is nothing more to jump to; again only after
	// the guest has acted. May be nil.
	Resting func(State)
}

// Jump is one jump of all clocks.
type Jump struct {
	By   time.Duration
	From time.Time    // of the guest's wall clock
	How  string       // what waited: Wait and the like
	Task *kernel.Task // whose timer it was; nil when none was
}

// State is what came of the jumps so far, and what still waits.
type State struct {
	Why     string        // no further jumps; "" when nobody asked for them
	Skipped time.Duration // in all
	Jumps   int
	Longest time.Duration // the longest wait at whose end the guest acted
	Pending int           // what still waits for a time, but for what only ticks
	Left    time.Duration // until the last of them would expire
	Task    *kernel.Task  // that waits for it; nil when nothing does
}

// Clock is the time of one kernel. Its methods are safe for concurrent use.
type Clock struct {
	k   *kernel.Kernel
	o   *offsets
	cfg Config

	held atomic.Bool

	mu      sync.Mutex
	plan    plan
	skipped time.Duration
	offset  time.Duration
	age     time.Duration
	jumps   int
	before  uint64 // what Acts was before the last jump
}

// New takes k's clocks over. Nothing changes until they are told to move.
func New(k *kernel.Kernel, cfg Config) (*Clock, error) {
	o, err := layout()
	if err != nil {
		return nil, err
	}
	if err := install(k, o); err != nil {
		return nil, err
	}
	cfg.Answer = cmp.Or(cfg.Answer, 1500*time.Millisecond)
	if cfg.Acts == nil {
		cfg.Acts = func() uint64 { return 0 }
	}
	if cfg.Jumping == nil {
		cfg.Jumping = func(Jump) {}
	}
	if cfg.Resting == nil {
		cfg.Resting = func(State) {}
	}
	return &Clock{k: k, o: o, cfg: cfg, plan: plan{maxSkip: cfg.MaxSkip, maxJumps: cfg.MaxJumps}}, nil
}

// Start moves the wall clock, and the system's start with it, before the guest
// has run. The system has been up for age then: its other clocks begin there.
func (c *Clock) Start(offset, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += offset
	c.age += age
	c.place()
	shiftStart(c.k, c.o, offset, age)
}

// place sets all clocks.
func (c *Clock) place() {
	move(c.k, c.o, int64(c.skipped+c.age), int64(c.offset-c.age))
}

// Hold keeps the clocks from jumping by themselves while on is true.
func (c *Clock) Hold(on bool) { c.held.Store(on) }

// Advance makes the clocks jump by d, or by as much of it as they may, whatever
// the guest does.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d = min(d, c.cfg.MaxSkip-c.skipped); d > 0 {
		c.jump(Jump{By: d, How: Ordered})
	}
}

// State tells what came of the jumps, and what waits now.
func (c *Clock) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state(pending(c.k, c.o))
}

func (c *Clock) state(timers []Timer) State {
	if c.cfg.Acts() != c.before {
		c.plan.outcome(true)
	}
	s := Waiting(slices.DeleteFunc(timers, c.plan.ticks))
	s.Skipped, s.Jumps, s.Longest = c.skipped, c.jumps, c.plan.longest
	return s
}

// Waiting is the state of a guest whose clocks never jumped.
func Waiting(timers []Timer) State {
	s := State{Pending: len(timers)}
	for _, t := range timers {
		if t.Left > s.Left {
			s.Left, s.Task = t.Left, t.Task
		}
	}
	return s
}

// jump tells about a jump and makes it. The lock is held.
func (c *Clock) jump(j Jump) {
	c.before = c.cfg.Acts()
	j.From = c.k.Timekeeper().Now()
	c.cfg.Jumping(j)
	c.skipped += j.By
	c.jumps++
	c.place()
	pending(c.k, c.o) // all look at the clock again
}

// Run makes the clocks jump whenever all of the guest waits, until stop is closed.
func (c *Clock) Run(stop <-chan struct{}) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	r := runner{Clock: c, net: traffic{answer: c.cfg.Answer}, settled: time.Now(), alive: time.Now()}
	for {
		select {
		case <-stop:
			return
		case <-poll.C:
		}
		before := r.rested
		r.look(time.Now())
		if r.rested != before {
			poll.Reset(map[bool]time.Duration{false: pollEvery, true: restEvery}[r.rested])
		}
	}
}
