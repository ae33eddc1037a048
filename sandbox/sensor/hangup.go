package sensor

import (
	"io"

	"gvisor.dev/gvisor/pkg/abi/linux"
)

// hangUp sends SIGHUP to the container's first process if it has a handler for
// it. Without one nothing happens on Linux, where the first process of a
// namespace gets no signal that would end it; in the Sentry it would die. Some
// end all the same, such as programs in Go, whose runtime handles it so: what
// is in memory is looked at before.
func (s *sink) hangUp() {
	k := s.kernel.Load()
	if k == nil || s.ended.Load() {
		return
	}
	init := k.GlobalInit()
	if init == nil {
		return
	}
	leader := init.Leader()
	action, err := init.SetSigAction(linux.SIGHUP, nil) // which changes nothing
	if leader == nil || err != nil || action.Handler == linux.SIG_DFL || action.Handler == linux.SIG_IGN {
		return
	}
	s.scanMemory(k.SupervisorContext(), leader, maxMemory)
	_ = init.SendSignal(&linux.SignalInfo{Signo: int32(linux.SIGHUP), Code: linux.SI_KERNEL}) // it ends just now
}

// HangUp has the first process of the container told to hang up, if it listens.
func HangUp(w io.Writer) error { return command(w, commandHangUp) }
