package event

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
