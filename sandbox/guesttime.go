package sandbox

import (
	"cmp"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// Clocks is what the clocks of guests do. A guest first lives in real time.
// When it only waits, the time phase begins: its clocks jump to whatever it
// waits for next, until nothing is left to wait for or a bound is met. While it
// acts, time is real. Zero fields mean the defaults.
type Clocks struct {
	MaxSkip  time.Duration // of the guest's time that is skipped; default 24 h, negative: none is
	Limit    time.Duration // wall time of the phase; default 20 s
	MaxJumps int           // default 600
	Offset   time.Duration // of the guest's date, from the start

	answer time.Duration // how long the network may take; 0: the runtime's default
}

func (c Clocks) withDefaults() Clocks {
	c.MaxSkip = cmp.Or(c.MaxSkip, 24*time.Hour)
	c.Limit = cmp.Or(c.Limit, 20*time.Second)
	c.MaxJumps = cmp.Or(c.MaxJumps, 600)
	return c
}

// of is c as a request wants it.
func (c Clocks) of(p protocol.Profile) Clocks {
	if p.RealTime {
		c.MaxSkip = -1
	}
	c.Offset = cmp.Or(p.ClockOffset, c.Offset)
	if p.Network == protocol.Gateway {
		c.answer = 10 * time.Second // real servers are slower than simulated ones
	}
	return c
}

// guestTime is the clock of one guest, seen from outside, and its time phase.
// Its methods are safe for concurrent use.
type guestTime struct {
	cfg    Clocks
	orders chan runtime.Order

	mu      sync.Mutex
	zero    int64 // what the guest's wall clock showed at the first event, in ns since 1970; 0: not told
	skipped time.Duration
	begun   time.Time // of the phase; zero: it has not
	rested  time.Time // since when there is nothing more to jump to; zero: there may be
	over    bool      // the phase is
}

func newGuestTime(cfg Clocks) *guestTime {
	return &guestTime{cfg: cfg, orders: make(chan runtime.Order, 4*maxVisits+8)}
}

// spec is for runtime.Spec.
func (g *guestTime) spec() runtime.Time {
	return runtime.Time{
		Offset: g.cfg.Offset, Jump: g.cfg.MaxSkip > 0, MaxSkip: g.cfg.MaxSkip, MaxJumps: g.cfg.MaxJumps, Answer: g.cfg.answer, Orders: g.orders,
	}
}

// now is what the guest's wall clock shows.
func (g *guestTime) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Add(g.cfg.Offset + g.skipped)
}

// leapt is how much was skipped so far.
func (g *guestTime) leapt() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.skipped
}

// started is what the guest's wall clock showed when its first process began,
// which was known here at the real time at. Times of events count from what the
// Sentry itself says, and so should those of the network: under load the notice
// comes late. A Sentry that may be owned by the guest is believed in bounds.
func (g *guestTime) started(at time.Time) time.Time {
	known := at.Add(g.cfg.Offset)
	g.mu.Lock()
	defer g.mu.Unlock()
	if said := time.Unix(0, g.zero); g.zero != 0 && !said.After(known) && known.Sub(said) < maxNotice {
		return said
	}
	return known
}

// maxNotice is how late the notice comes at most that a guest has begun.
const maxNotice = 30 * time.Second

// event notes what the clocks did. It is false for the events of the guest itself.
func (g *guestTime) event(e event.Event) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e.Kind {
	case event.Start:
		if g.zero == 0 && len(e.Args) > 0 {
			g.zero = e.Args[0]
		}
		g.rested = time.Time{}
		return false
	case event.ClockJump:
		if len(e.Args) > 0 { // of a Sentry that may be owned by the guest
			g.skipped += min(max(time.Duration(e.Args[0]), 0), g.cfg.MaxSkip-g.skipped)
		}
	case event.ClockRest:
		g.rested = time.Now()
	default:
		g.rested = time.Time{}
		return false
	}
	return true
}

// order must not block: a run that has ended takes no orders.
func (g *guestTime) order(do string) {
	select {
	case g.orders <- runtime.Order{Do: do}:
	default:
	}
}

// hold keeps the clocks while visitors talk with the guest.
func (g *guestTime) hold(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.cfg.MaxSkip <= 0 || g.over:
	case on:
		g.order(runtime.HoldJumps)
	default:
		g.order(runtime.ResumeJumps)
	}
}

// afterRest is how long a guest must have been still since its clocks had
// nothing more to jump to.
const afterRest = 500 * time.Millisecond

// wait is asked what to do while the guest waits: it begins the phase, and is
// true when the phase is over, or there is none.
func (g *guestTime) wait() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cfg.MaxSkip <= 0 || g.over {
		return true
	}
	if g.begun.IsZero() {
		g.begun = time.Now()
		g.order(runtime.JumpWhenIdle)
	}
	return false
}

// tick looks after the phase. jumping is true while it is under way, done when
// the guest has nothing left to wait for.
func (g *guestTime) tick() (jumping, done bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.begun.IsZero() || g.over {
		return false, false
	}
	if time.Since(g.begun) > g.cfg.Limit {
		g.over = true
		g.order(runtime.HoldJumps)
		return false, false
	}
	return true, !g.rested.IsZero() && time.Since(g.rested) > afterRest
}

// ended fills in what came of the guest's time.
func (g *guestTime) ended(e *observation.End, c runtime.Clock) {
	e.TimeSkipped, e.LongestSleep = c.Skipped, max(c.Longest, c.Left)
	e.ClockJumps, e.TimersPending, e.LongestTimer, e.ClockReason = c.Jumps, c.Pending, c.Left, c.Why
}
