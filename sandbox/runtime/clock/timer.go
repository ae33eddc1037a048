package clock

import (
	"sync/atomic"
	"time"
	"unsafe"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/timerfd"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
	gsync "gvisor.dev/gvisor/pkg/sync"
)

// How something waits for a time.
const (
	Wait     = "wait"     // a task in a system call: sleep, select, poll, epoll, futex, a socket's timeout and the like
	Alarm    = "alarm"    // alarm and setitimer
	Interval = "interval" // timer_create
	TimerFD  = "timerfd"
	Busy     = "busy"    // the guest never rests
	Ordered  = "ordered" // nobody waited: the clocks were told to jump
)

// Timer is what waits for a time.
type Timer struct {
	How  string
	Task *kernel.Task  // that waits, or the first of the process whose timer it is
	Left time.Duration // until it expires

	key unsafe.Pointer // tells timers apart
	at  ktime.Time     // when it expires, by its clock
}

// forever is a wait that has no end for us: programs say "a few decades" when
// they mean none.
const forever = 365 * 24 * time.Hour

// Pending lists what waits for a time in k, in no order.
func Pending(k *kernel.Kernel) ([]Timer, error) {
	o, err := layout()
	if err != nil {
		return nil, err
	}
	return pending(k, o), nil
}

// pending also makes every timer look at the clock again: one that is over
// expires, the others are set anew to what is left.
func pending(k *kernel.Kernel, o *offsets) []Timer {
	var list []Timer
	add := func(how string, t *kernel.Task, key unsafe.Pointer, now ktime.Time, s ktime.Setting) {
		if left := s.Next.Sub(now); s.Enabled && left < forever {
			list = append(list, Timer{How: how, Task: t, Left: max(left, 0), key: key, at: s.Next})
		}
	}
	sampled := func(how string, t *kernel.Task, timer *ktime.SampledTimer) {
		if timer == nil {
			return
		}
		if s, ok := peek(timer, o, true); ok {
			add(how, t, unsafe.Pointer(timer), timer.Clock().Now(), s)
		}
	}
	tables := map[*kernel.FDTable]bool{}
	for _, t := range k.RootPIDNamespace().Tasks() {
		sampled(Wait, t, blockingTimer(t, o))
		for _, fd := range timerfds(t, tables) {
			now, s := fd.impl.GetTime()
			add(TimerFD, t, unsafe.Pointer(fd.impl), now, s)
			fd.release()
		}
	}
	for _, tg := range k.RootPIDNamespace().ThreadGroups() {
		leader := tg.Leader()
		if leader == nil {
			continue
		}
		sampled(Alarm, leader, *in[*ktime.SampledTimer](tg, o.group.itimer))
		lock := in[gsync.Mutex](tg, o.group.timerMu)
		lock.Lock()
		for _, it := range *in[map[linux.TimerID]*kernel.IntervalTimer](tg, o.group.timers) {
			timer := *in[ktime.Timer](it, o.posix.timer)
			if timer == nil || !ofTheWall(k, timer.Clock()) {
				continue
			}
			now, s := timer.Get()
			add(Interval, leader, unsafe.Pointer(it), now, s)
		}
		lock.Unlock()
	}
	return list
}

// ofTheWall tells the clocks that jump from those of processor time.
func ofTheWall(k *kernel.Kernel, c ktime.Clock) bool {
	return c == ktime.Clock(k.MonotonicClock()) || c == ktime.Clock(k.RealtimeClock())
}

// blockingTimer is the timer of whatever t blocks on; nil before t has run.
func blockingTimer(t *kernel.Task, o *offsets) *ktime.SampledTimer {
	return (*ktime.SampledTimer)(atomic.LoadPointer(in[unsafe.Pointer](t, o.task.timer)))
}

// peek reads a timer that may be destroyed at any moment, and makes it look at
// its clock if it is set. It is false for one that is not set.
func peek(timer *ktime.SampledTimer, o *offsets, kick bool) (ktime.Setting, bool) {
	lock := in[gsync.Mutex](timer, o.timer.mu)
	lock.Lock()
	defer lock.Unlock()
	s := *in[ktime.Setting](timer, o.timer.setting)
	if !s.Enabled || *in[uint8](timer, o.timer.pauseState) != 0 {
		return s, false
	}
	if kick {
		(*in[*time.Timer](timer, o.timer.kicker)).Reset(0)
	}
	return s, true
}

type heldTimerFD struct {
	impl    *timerfd.TimerFileDescription
	release func()
}

// timerfds are those of t's descriptors that are timers, unless its table was
// looked at before.
func timerfds(t *kernel.Task, seen map[*kernel.FDTable]bool) []heldTimerFD {
	var table *kernel.FDTable
	t.WithMuLocked(func(t *kernel.Task) {
		if held := t.FDTable(); held != nil && held.TryIncRef() { // a task that ended keeps its own without
			table = held
		}
	})
	if table == nil {
		return nil
	}
	ctx := t.Kernel().SupervisorContext()
	defer table.DecRef(ctx)
	if seen[table] {
		return nil
	}
	seen[table] = true
	var list []heldTimerFD
	for _, fd := range table.GetFDs(ctx) {
		file, _ := table.Get(fd)
		if file == nil {
			continue
		}
		if impl, ok := file.Impl().(*timerfd.TimerFileDescription); ok && ofTheWall(t.Kernel(), impl.Clock()) {
			list = append(list, heldTimerFD{impl, func() { file.DecRef(ctx) }})
		} else {
			file.DecRef(ctx)
		}
	}
	return list
}
