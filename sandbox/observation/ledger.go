package observation

import (
	"math"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// The most events that an observation holds, after equal ones were counted
// together. Judging all of them must stay within two seconds and 300 MB.
const (
	maxPerKind  = 5_000
	maxFrequent = 20_000   // of kinds that ordinary programs do often
	maxText     = 24 << 20 // bytes of strings in all events
)

func limit(k event.Kind) int {
	switch k {
	case event.Open, Write, event.Connect, event.Send:
		return maxFrequent
	}
	return maxPerKind
}

// ledger counts equal events of a process as one.
type ledger struct {
	seen  map[sameness]int // index in the kind's list
	tries map[int32]event.Event
	text  int
}

func newLedger() ledger {
	return ledger{seen: map[sameness]int{}, tries: map[int32]event.Event{}}
}

// sameness is what makes two events of a process one. The local end is left
// out, since it differs in every connection; so are results, but for failure.
type sameness struct {
	kind                                     event.Kind
	process, path, target, fsType, nam, data string
	flags, device                            uint64
	mode                                     uint32
	failed                                   bool
	args                                     [4]int64
	remote                                   event.Endpoint
}

// add keeps e or counts it with an equal one, and tells whether it could.
func (l *ledger) add(events map[event.Kind][]Event, kind event.Kind, process string, e *event.Event) bool {
	key := sameness{
		kind: kind, process: process, path: e.Path, target: e.Target, fsType: e.FSType, nam: e.Name,
		flags: e.Flags, device: e.Device, mode: e.Mode, data: e.Data, failed: e.Errno != 0,
	}
	copy(key.args[:], e.Args)
	switch {
	case kind == event.Bind || kind == event.Listen:
		key.remote = deref(e.Local)
	case e.Remote != nil:
		key.remote = *e.Remote
	}
	if e.Exec != nil {
		key.path = e.Exec.Path
	}
	list := events[kind]
	if i, ok := l.seen[key]; ok {
		list[i].Count++
		list[i].LastMS = millis(e.Time)
		return true
	}
	size := len(e.Path) + len(e.Target) + len(e.Name) + len(e.FSType) + len(e.Data)
	program := cutProgram(e.Exec)
	if program != nil {
		size += textSize(program.Argv)
	}
	if len(list) >= limit(kind) || l.text+size > maxText {
		return false
	}
	l.text += size
	l.seen[key] = len(list)
	events[kind] = append(list, Event{
		Seq: e.Seq, MS: millis(e.Time), Count: 1, Process: process, Probe: e.Probe,
		Path: e.Path, Target: e.Target, FSType: e.FSType, Name: e.Name, Flags: e.Flags, Mode: e.Mode,
		Device: e.Device, Args: e.Args, Result: e.Result, Errno: e.Errno, Data: e.Data,
		Local: e.Local, Remote: e.Remote, Exec: program,
	})
	return true
}

func sortEvents(events map[event.Kind][]Event) {
	for _, list := range events {
		slices.SortStableFunc(list, func(a, b Event) int {
			switch {
			case a.Seq < b.Seq:
				return -1
			case a.Seq > b.Seq:
				return 1
			}
			return 0
		})
	}
}

func deref(e *event.Endpoint) event.Endpoint {
	if e == nil {
		return event.Endpoint{}
	}
	return *e
}

// millis rounds down; a hostile time cannot overflow it.
func millis(d time.Duration) int64 {
	if d < 0 || d > math.MaxInt64/2 {
		return 0
	}
	return d.Milliseconds()
}
