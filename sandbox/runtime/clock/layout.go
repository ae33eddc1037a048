package clock

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
	sentrytime "gvisor.dev/gvisor/pkg/sentry/time"
	gsync "gvisor.dev/gvisor/pkg/sync"
)

// offsets are where gVisor keeps what it does not show.
type offsets struct {
	keeper struct{ clocks, updateMu, params, bootTime uintptr }
	task   struct{ startTime, timer, timerChan, interrupt uintptr }
	group  struct{ itimer, timerMu, timers uintptr }
	posix  struct{ timer uintptr }
	timer  struct{ mu, setting, pauseState, kicker uintptr }
}

// layout finds the offsets. Its error names what this gVisor has elsewhere.
var layout = sync.OnceValues(func() (*offsets, error) {
	var o offsets
	var errs []error
	errs = append(errs,
		field[kernel.Timekeeper, sentrytime.Clocks](&o.keeper.clocks, "clocks"),
		field[kernel.Timekeeper, gsync.Mutex](&o.keeper.updateMu, "updateMu"),
		field[kernel.Timekeeper, *kernel.VDSOParamPage](&o.keeper.params, "params"),
		field[kernel.Timekeeper, ktime.Time](&o.keeper.bootTime, "bootTime"),
		field[kernel.Task, *ktime.SampledTimer](&o.task.timer, "blockingTimer"),
		field[kernel.Task, <-chan struct{}](&o.task.timerChan, "blockingTimerChan"),
		field[kernel.Task, chan struct{}](&o.task.interrupt, "interruptChan"),
		field[kernel.Task, ktime.Time](&o.task.startTime, "startTime"),
		field[kernel.ThreadGroup, *ktime.SampledTimer](&o.group.itimer, "itimerRealTimer"),
		mutex[kernel.ThreadGroup](&o.group.timerMu, "timerMu"),
		field[kernel.ThreadGroup, map[linux.TimerID]*kernel.IntervalTimer](&o.group.timers, "timers"),
		field[kernel.IntervalTimer, ktime.Timer](&o.posix.timer, "timer"),
		field[ktime.SampledTimer, gsync.Mutex](&o.timer.mu, "mu"),
		field[ktime.SampledTimer, ktime.Setting](&o.timer.setting, "setting"),
		field[ktime.SampledTimer, *time.Timer](&o.timer.kicker, "kicker"),
	)
	if f, ok := reflect.TypeFor[ktime.SampledTimer]().FieldByName("pauseState"); ok && f.Type.Kind() == reflect.Uint8 {
		o.timer.pauseState = f.Offset
	} else {
		errs = append(errs, errors.New("ktime.SampledTimer.pauseState"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("this gVisor keeps time in another way: %w", err)
	}
	return &o, nil
})

// field finds the field of S with a name and the type F.
func field[S, F any](at *uintptr, name string) error {
	s := reflect.TypeFor[S]()
	f, ok := s.FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[F]() {
		return fmt.Errorf("no field %s.%s of type %s", s, name, reflect.TypeFor[F]())
	}
	*at = f.Offset
	return nil
}

// mutex finds a lock of a generated type, which is a struct around a Mutex.
func mutex[S any](at *uintptr, name string) error {
	s := reflect.TypeFor[S]()
	f, ok := s.FieldByName(name)
	if !ok || f.Type.Kind() != reflect.Struct || f.Type.NumField() != 1 || f.Type.Field(0).Type != reflect.TypeFor[gsync.Mutex]() {
		return fmt.Errorf("no lock %s.%s", s, name)
	}
	*at = f.Offset
	return nil
}

// in is the field of type F at an offset of s.
func in[F, S any](s *S, offset uintptr) *F {
	return (*F)(unsafe.Add(unsafe.Pointer(s), offset))
}
