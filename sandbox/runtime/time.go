package runtime

import (
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// Time is what the guest's clocks may do. Wall clock and monotonic clock always
// move together.
type Time struct {
	Offset time.Duration // of the wall clock, from the start of the run
	Age    time.Duration // for which the machine has been up at the start; large uploads stall with it

	// Jump lets the clocks jump: by themselves after the order JumpWhenIdle, to
	// whatever the guest waits for next, whenever all of it waits.
	Jump     bool
	MaxSkip  time.Duration // in all jumps together; default 24 h
	MaxJumps int           // default 600
	Answer   time.Duration // how long an answer from the network may take: no jump meanwhile; default 1.5 s
	Orders   <-chan Order  // may be nil
}

// Order is what the guest's clocks are told during a run. Each jump is an
// event.ClockJump, before it happens; event.ClockRest tells when there is
// nothing more to jump to.
type Order struct {
	Do string
	By time.Duration // of JumpNow
}

// What clocks are told.
const (
	JumpWhenIdle = "when_idle" // begin
	HoldJumps    = "hold"      // none by themselves, until ResumeJumps
	ResumeJumps  = "resume"
	JumpNow      = "now" // whatever the guest does
)

// Clock is what came of the guest's time.
type Clock struct {
	Skipped time.Duration // in all jumps
	Jumps   int
	Why     string        // no further jumps: the last reason; "" when there is none
	Longest time.Duration // the longest wait at whose end the guest acted
	Pending int           // timers that still run at the end, but for those that only tick
	Left    time.Duration // until the last of them would expire
	Waits   string        // name of the program that waits for it
}

func (t Time) withDefaults() Time {
	setDefault(&t.MaxSkip, 24*time.Hour)
	setDefault(&t.MaxJumps, 600)
	setDefault(&t.Answer, 1500*time.Millisecond)
	return t
}

// sensor is t as the sensor takes it.
func (t Time) sensor() sensor.Time {
	s := sensor.Time{Offset: t.Offset, Age: t.Age}
	if t.Jump {
		s.MaxSkip, s.MaxJumps, s.Answer = t.MaxSkip, t.MaxJumps, t.Answer
	}
	return s
}

// order passes an order on.
func (s *sight) order(o Order) error {
	switch o.Do {
	case JumpWhenIdle:
		return sensor.BeginJumping(s.socket)
	case HoldJumps, ResumeJumps:
		return sensor.HoldClock(s.socket, o.Do == HoldJumps)
	case JumpNow:
		return sensor.Advance(s.socket, o.By)
	}
	return errors.New("runtime: unknown order for the clocks: " + o.Do)
}

// tell notes what an event says of the clocks.
func (c *Clock) tell(ev event.Event) {
	if ev.Kind != event.ClockRest || len(ev.Args) < 5 {
		return
	}
	positive := func(n int64) time.Duration { return time.Duration(max(n, 0)) }
	c.Skipped, c.Jumps, c.Longest = positive(ev.Args[0]), int(max(ev.Args[1], 0)), positive(ev.Args[2])
	c.Pending, c.Left, c.Waits = int(max(ev.Args[3], 0)), positive(ev.Args[4]), ev.Task.Comm
	if ev.Name != "" {
		c.Why = ev.Name
	}
}
