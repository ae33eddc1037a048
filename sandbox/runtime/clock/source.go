package clock

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
	sentrytime "gvisor.dev/gvisor/pkg/sentry/time"
	gsync "gvisor.dev/gvisor/pkg/sync"
)

// source is the kernel's own source of time under another type: a pointer to
// one is a pointer to the other. So it takes the kernel's place in one atomic
// step, while others read the clocks. What it adds cannot lie in it, then.
type source struct{ sentrytime.CalibratedClocks }

// moved is what source adds. There is one kernel in a process.
var moved struct {
	skipped atomic.Int64 // ns, of all clocks
	offset  atomic.Int64 // ns, of the wall clock besides

	// What follows is protected by the Timekeeper's updateMu.
	next *[2]int64               // what skipped and offset become with the next Update
	last sentrytime.UpdateResult // of the kernel's source
}

// GetTime implements sentrytime.Clocks.
func (s *source) GetTime(c sentrytime.ClockID) (int64, error) {
	now, err := s.CalibratedClocks.GetTime(c)
	now += moved.skipped.Load()
	if c == sentrytime.Realtime {
		now += moved.offset.Load()
	}
	return now, err
}

// Update implements sentrytime.Clocks. While it runs, the guest cannot read the
// page that is filled from its result: a move is seen by all readers at once.
func (s *source) Update(parked bool) sentrytime.UpdateResult {
	if moved.next == nil || !moved.last.MonotonicOk || !moved.last.RealtimeOk {
		moved.last = s.CalibratedClocks.Update(parked)
	} // else what it said last holds: it wants to be asked once a second
	if moved.next != nil {
		moved.skipped.Store(moved.next[0])
		moved.offset.Store(moved.next[1])
		moved.next = nil
	}
	skipped := sentrytime.ReferenceNS(moved.skipped.Load())
	r := moved.last
	r.Monotonic.BaseRef += skipped
	r.MonotonicRaw.BaseRef += skipped
	r.Realtime.BaseRef += skipped + sentrytime.ReferenceNS(moved.offset.Load())
	return r
}

// updateTimekeeper publishes the clocks' parameters. The caller holds updateMu.
//
//go:linkname updateTimekeeper gvisor.dev/gvisor/pkg/sentry/kernel.(*Timekeeper).update
func updateTimekeeper(t *kernel.Timekeeper, parked bool)

// install puts source in the place of k's source of time. Once is enough.
func install(k *kernel.Kernel, o *offsets) error {
	clocks := in[sentrytime.Clocks](k.Timekeeper(), o.keeper.clocks)
	switch inner := (*clocks).(type) {
	case *source:
	case *sentrytime.CalibratedClocks:
		var ours sentrytime.Clocks = (*source)(unsafe.Pointer(inner))
		// The first word of an interface is its type, the second the pointer,
		// which stays.
		kind := *(*unsafe.Pointer)(unsafe.Pointer(&ours))
		atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(clocks)), kind)
	default:
		return fmt.Errorf("this gVisor reads the time from %T", inner)
	}
	return nil
}

// move sets what was skipped, and the offset of the wall clock, in ns.
func move(k *kernel.Kernel, o *offsets, skipped, offset int64) {
	keeper := k.Timekeeper()
	updating := in[gsync.Mutex](keeper, o.keeper.updateMu)
	updating.Lock()
	if *in[*kernel.VDSOParamPage](keeper, o.keeper.params) != nil {
		moved.next = &[2]int64{skipped, offset}
		updateTimekeeper(keeper, false)
	} else { // the clocks are paused; what resumes them publishes
		moved.skipped.Store(skipped)
		moved.offset.Store(offset)
	}
	updating.Unlock()
	// The network stack's timers are kept by a goroutine that knows the old time.
	keeper.AfterFunc(0, func() {})
}

// shiftStart makes a new offset of the wall clock one that it always had: the
// system's start, and that of the processes that run, move with it. Before that
// start, the system was up for age.
func shiftStart(k *kernel.Kernel, o *offsets, by, age time.Duration) {
	boot := in[ktime.Time](k.Timekeeper(), o.keeper.bootTime)
	*boot = boot.Add(by - age)
	for _, t := range k.RootPIDNamespace().Tasks() {
		t.WithMuLocked(func(t *kernel.Task) {
			start := in[ktime.Time](t, o.task.startTime)
			*start = start.Add(by)
		})
	}
}
