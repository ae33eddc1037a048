package observation_test

import (
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// TestElevated: the rights that the set-user-ID bit gives show after the start.
func TestElevated(t *testing.T) {
	s := play(t)
	s.start("/bin/sh")
	as := func(pid int32, uid, euid uint32) event.Task {
		return event.Task{PID: pid, TID: pid, UID: uid, EUID: euid, CWD: "/"}
	}
	s.add(1, event.Event{Kind: event.Exec, Exec: image("/bin/app"), Task: as(1, 1000, 1000)})
	s.add(1, event.Event{Kind: event.Clone, Child: 2, Task: as(1, 1000, 1000)})
	s.add(2, event.Event{Kind: event.Exec, Exec: dropped("/tmp/helper"), Task: as(2, 1000, 1000)})
	s.add(2, event.Event{Kind: event.Open, Path: "/etc/shadow", Task: as(2, 1000, 0)})
	s.add(1, event.Event{Kind: event.Clone, Child: 3, Task: as(1, 1000, 1000)})
	s.add(3, event.Event{Kind: event.Exec, Exec: image("/bin/tool"), Task: as(3, 1000, 1000)})
	s.add(3, event.Event{Kind: event.Open, Path: "/etc/passwd", Task: as(3, 1000, 1000)})
	o := s.b.Build()
	for id, want := range map[string]bool{"1.0": false, "1.1": false, "2.0": true, "3.0": false} {
		if p := o.Processes[id]; p == nil || p.Elevated != want {
			t.Errorf("%s: %+v", id, p)
		}
	}
}
