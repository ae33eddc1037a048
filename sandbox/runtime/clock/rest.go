package clock

import (
	"hash/maphash"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
)

// posture is what the guest's tasks do at a moment.
type posture struct {
	waiting bool                           // all of them
	all     uint64                         // differs when any of them has moved on
	groups  map[*kernel.ThreadGroup]uint64 // the same by process
}

var seed = maphash.MakeSeed()

// look tells what the tasks do. A task waits when it blocks, and nothing that
// would wake it has come; or when it is stopped or has ended. A timer that is
// over but does not know it yet is told.
func look(k *kernel.Kernel, o *offsets, tasks []*kernel.Task) (posture, []*kernel.Task) {
	tasks = k.TaskSet().Root.TasksAppend(tasks[:0])
	p := posture{waiting: true, groups: make(map[*kernel.ThreadGroup]uint64, len(tasks))}
	for _, t := range tasks {
		state := t.TaskGoroutineState()
		switch state {
		case kernel.TaskGoroutineBlockedInterruptible:
			if len(*in[chan struct{}](t, o.task.interrupt)) > 0 || len(*in[<-chan struct{}](t, o.task.timerChan)) > 0 {
				p.waiting = false
			}
		case kernel.TaskGoroutineStopped: // by a signal, a tracer, or until a child has its program
		case kernel.TaskGoroutineRunningSys, kernel.TaskGoroutineNonexistent:
			if s := t.ExitState(); s != kernel.TaskExitZombie && s != kernel.TaskExitDead {
				p.waiting = false
			}
		default:
			p.waiting = false
		}
		var until ktime.Time
		if timer := blockingTimer(t, o); timer != nil {
			if s, ok := peek(timer, o, false); ok {
				until = s.Next
				if !until.After(timer.Clock().Now()) {
					peek(timer, o, true)
				}
			}
		}
		one := maphash.Comparable(seed, struct {
			task  unsafe.Pointer
			state kernel.TaskGoroutineState
			until ktime.Time
		}{unsafe.Pointer(t), state, until})
		p.all += one
		p.groups[t.ThreadGroup()] += one
	}
	return p, tasks
}

// others tells whether a process that is not in those changed between two postures.
func (p posture) others(before posture, those map[*kernel.ThreadGroup]bool) bool {
	for tg, now := range p.groups {
		if now != before.groups[tg] && !those[tg] {
			return true
		}
	}
	for tg := range before.groups {
		if _, ok := p.groups[tg]; !ok {
			return true // it ended
		}
	}
	return false
}
