package sensor

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// limits tells the first time that the guest meets each limit.
type limits struct{ processes, disk, files atomic.Bool }

// meets tells, after each call, whether it failed at a limit.
func (h *hooks) meets(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		result, control, err := fn(t, nr, args)
		if err != nil {
			if s := h.sink.Load(); s != nil {
				s.limit(t, err)
			}
		}
		return result, control, err
	}
}

func (s *sink) limit(t *kernel.Task, err error) {
	var name string
	var told *atomic.Bool
	switch {
	case linuxerr.Equals(linuxerr.ENOSPC, err):
		name, told = "disk", &s.limits.disk
	case linuxerr.Equals(linuxerr.EMFILE, err):
		name, told = "open_files", &s.limits.files
	default:
		return
	}
	if told.CompareAndSwap(false, true) {
		s.emit(t, &event.Event{Kind: event.Limit, Name: name})
	}
}

// forks tells that there may be no more processes.
func (h *hooks) forks(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		result, control, err := fn(t, nr, args)
		if err != nil && linuxerr.Equals(linuxerr.EAGAIN, err) {
			if s := h.sink.Load(); s != nil && s.limits.processes.CompareAndSwap(false, true) {
				s.emit(t, &event.Event{Kind: event.Limit, Name: "processes"})
			}
		}
		return result, control, err
	}
}
