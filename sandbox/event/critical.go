package event

import "golang.org/x/sys/unix"

// Critical tells whether a run proves nothing once an event of this kind is
// lost. The sensor makes the guest wait rather than drop one.
func (k Kind) Critical() bool {
	switch k {
	case Start, Exec, Clone, Exit, Unlink, Rename, Mount, PivotRoot, Chroot, MemfdMake,
		Connect, Listen, Accept, Ptrace, Setns, Module, ProcessVM, ClockJump, ClockRest, LostCritical:
		return true
	}
	return false
}

// Critical tells the same of one event: what was opened to be changed is as
// decisive as what was run.
func (e *Event) Critical() bool { return e.Kind.Critical() || e.Changes() }

// Changes tells whether e is an open that could change a file, or make it.
func (e *Event) Changes() bool {
	if e.Kind != Open || e.Flags&unix.O_PATH != 0 {
		return false
	}
	return e.Flags&unix.O_ACCMODE != unix.O_RDONLY || e.Flags&(unix.O_CREAT|unix.O_TRUNC) != 0
}
