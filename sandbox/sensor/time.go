package sensor

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	pb "gvisor.dev/gvisor/pkg/sentry/seccheck/points/points_go_proto"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	clocks "github.com/sallyport-dev/sallyport/sandbox/runtime/clock"
)

// Time is what the guest's clocks may do.
type Time struct {
	Offset   time.Duration // of the wall clock, from the start
	Age      time.Duration // for which the system has been up at the start
	MaxSkip  time.Duration // in all jumps together; 0: the clocks never jump
	MaxJumps int
	Answer   time.Duration // how long an answer from the network may take
}

// knownWithin is how long a jump waits until the reader knows of it: what
// follows is dated by it.
const knownWithin = 10 * time.Second

// times is the sink's part in the guest's time.
type times struct {
	cfg   Time
	acts  atomic.Uint64 // events of tasks
	known chan struct{} // a value for each jump that the reader knows of

	mu    sync.Mutex
	clock *clocks.Clock // nil until it is needed
	fault bool          // the clocks could not be taken over
	begun bool          // jumping was asked for
	held  bool
	runs  bool // the clocks jump by themselves
	ended bool

	quit chan struct{} // closed when the run is over
}

func newTimes(config map[string]any) *times {
	number := func(key string) int64 {
		f, _ := config[key].(float64)
		return int64(f)
	}
	return &times{
		cfg: Time{
			Offset:   time.Duration(number("offset_ms")) * time.Millisecond,
			MaxSkip:  time.Duration(number("max_skip_ms")) * time.Millisecond,
			MaxJumps: int(number("max_jumps")),
			Answer:   time.Duration(number("answer_ms")) * time.Millisecond,
			Age:      time.Duration(number("age_ms")) * time.Millisecond,
		},
		known: make(chan struct{}, 1), quit: make(chan struct{}),
	}
}

// config is the form in which it crosses to the Sentry.
func (t Time) config() map[string]any {
	return map[string]any{"offset_ms": t.Offset.Milliseconds(), "max_skip_ms": t.MaxSkip.Milliseconds(), "max_jumps": t.MaxJumps, "age_ms": t.Age.Milliseconds(), "answer_ms": t.Answer.Milliseconds()}
}

// first are calls with which programs begin. At the first of them the kernel is
// known, and the guest has not yet had the time to look at a clock.
func (h *hooks) first(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		if s := h.sink.Load(); s != nil && s.kernel.Load() == nil {
			s.meet(t)
		}
		return fn(t, nr, args)
	}
}

var firstCalls = []uintptr{unix.SYS_SET_TID_ADDRESS, unix.SYS_SCHED_GETAFFINITY, unix.SYS_BRK}

// meet notes the kernel once it is known, and moves its wall clock to where the
// run is to begin.
func (s *sink) meet(t *kernel.Task) {
	k := t.Kernel()
	if !s.kernel.CompareAndSwap(nil, k) {
		return
	}
	if offset, age := s.times.cfg.Offset, s.times.cfg.Age; offset != 0 || age != 0 {
		if c := s.takeClock(); c != nil {
			s.clock.zero.Add(int64(offset))
			c.Start(offset, age)
		}
	}
	s.lure(t)
	s.jump() // it may have been asked for before
}

// takeClock takes the clocks over, when they can be.
func (s *sink) takeClock() *clocks.Clock {
	t := s.times
	t.mu.Lock()
	defer t.mu.Unlock()
	k := s.kernel.Load()
	if t.clock != nil || t.fault || k == nil {
		return t.clock
	}
	c, err := clocks.New(k, clocks.Config{
		MaxSkip: t.cfg.MaxSkip, MaxJumps: t.cfg.MaxJumps, Answer: t.cfg.Answer,
		Acts: t.acts.Load, Jumping: s.jumping, Resting: s.resting,
	})
	if err != nil {
		log.Warningf("sensor: the guest's clocks go on as they are: %v", err)
		t.fault = true
		s.put(&event.Event{Kind: event.ClockRest, Name: err.Error()}, nil)
		return nil
	}
	c.Hold(t.held)
	t.clock = c
	return c
}

// beginJumping makes the clocks jump when the guest waits.
func (s *sink) beginJumping() {
	s.times.mu.Lock()
	s.times.begun = true
	s.times.mu.Unlock()
	s.jump()
}

func (s *sink) jump() {
	t := s.times
	t.mu.Lock()
	begun := t.begun
	t.mu.Unlock()
	if !begun {
		return
	}
	c := s.takeClock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if c == nil || t.runs || t.ended {
		return
	}
	t.runs = true
	go c.Run(t.quit)
}

// endJumping is for when the run is over: nothing moves any more.
func (s *sink) endJumping() {
	t := s.times
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.ended = true
		close(t.quit)
	}
}

// advance makes the clocks jump at once.
func (s *sink) advance(d time.Duration) {
	if c := s.takeClock(); c != nil {
		go c.Advance(d) // it waits for an answer that obey reads
	}
}

func (s *sink) holdClock(on bool) {
	t := s.times
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = on
	if t.clock != nil {
		t.clock.Hold(on)
	}
}

// jumping tells about a jump before it happens, and waits until that is known.
func (s *sink) jumping(j clocks.Jump) {
	select {
	case <-s.times.known: // late, of an earlier one
	default:
	}
	s.put(&event.Event{Kind: event.ClockJump, Name: j.How, Args: []int64{int64(j.By), j.From.UnixNano()}}, j.Task)
	limit := time.NewTimer(knownWithin)
	defer limit.Stop()
	select {
	case <-s.times.known:
	case <-s.times.quit:
	case <-limit.C:
		log.Warningf("sensor: nobody took note of a jump within %v", knownWithin)
	}
}

// resting tells that the clocks have nothing more to jump to.
func (s *sink) resting(state clocks.State) {
	s.put(&event.Event{Kind: event.ClockRest, Name: state.Why, Args: stateArgs(state)}, state.Task)
}

// tellClock tells at the end of a run what came of the guest's time, and what
// it still waits for. Once the kernel is paused, nothing waits any more.
func (s *sink) tellClock() {
	s.endJumping()
	k := s.kernel.Load()
	if k == nil {
		return
	}
	s.times.mu.Lock()
	c := s.times.clock
	s.times.mu.Unlock()
	var state clocks.State
	if c != nil {
		state = c.State()
	} else {
		timers, err := clocks.Pending(k)
		if err != nil {
			log.Warningf("sensor: what the guest waits for is not known: %v", err)
			return
		}
		state = clocks.Waiting(timers)
	}
	s.put(&event.Event{Kind: event.ClockRest, Args: stateArgs(state)}, state.Task)
}

func stateArgs(s clocks.State) []int64 {
	return []int64{int64(s.Skipped), int64(s.Jumps), int64(s.Longest), int64(s.Pending), int64(s.Left)}
}

// put queues an event that no task brings: t, which may be nil, is whom it is about.
func (s *sink) put(ev *event.Event, t *kernel.Task) {
	if t != nil {
		var data pb.ContextData
		kernel.LoadSeccheckData(t, taskFields, &data)
		s.fill(ev, &data)
	} else if k := s.kernel.Load(); k != nil {
		var data pb.ContextData
		data.TimeNs = k.RealtimeClock().Now().Nanoseconds()
		s.fill(ev, &data)
	}
	s.queue.put(ev, awake{})
}

// BeginJumping makes the guest's clocks jump whenever all of it waits, up to
// the bounds that the sink was given. Each jump is an event of kind ClockJump
// that must be answered with Known; one of kind ClockRest tells when there is
// nothing more to jump to.
func BeginJumping(w io.Writer) error { return command(w, commandJump) }

// Known answers an event of kind ClockJump.
func Known(w io.Writer) error { return command(w, commandKnown) }

// HoldClock keeps the clocks from jumping by themselves, or lets them again.
func HoldClock(w io.Writer, on bool) error {
	if on {
		return command(w, commandHold)
	}
	return command(w, commandUnhold)
}

// TellClock ends all jumping, and has the sensor tell what came of it and what
// still waits for a time: an event of kind ClockRest.
func TellClock(w io.Writer) error { return command(w, commandTell) }

// Advance makes the clocks jump by d at once, whatever the guest does.
func Advance(w io.Writer, d time.Duration) error {
	_, err := w.Write(binary.LittleEndian.AppendUint64([]byte{commandAdvance}, uint64(d)))
	return err
}

func command(w io.Writer, c byte) error {
	_, err := w.Write([]byte{c})
	return err
}
