package observation

import (
	"fmt"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Limits on the process tree.
const (
	maxProcesses   = 10_000
	maxForks       = 100_000  // forks that have done nothing yet
	maxProcessText = 24 << 20 // bytes of arguments and environments in all processes
	maxLineage     = 64
	shortArgv      = 256 // bytes of arguments that a process still gets when those are used up
)

// tree follows which program each process id stands for.
type tree struct {
	all     map[string]*Process
	order   []*Process
	current map[int32]*Process // by PID
	forks   map[int32]fork     // by PID: born, and not seen to do anything yet
	next    map[int32]int      // generation of the next entry of a PID
	starts  map[int32]int64    // start time of the process behind current, where known
	first   string
	text    int
}

// fork is a process that so far is only a copy of its parent.
type fork struct {
	parent string
	seq    uint64
	ms     int64
}

func newTree() tree {
	return tree{
		all: map[string]*Process{}, current: map[int32]*Process{}, forks: map[int32]fork{},
		next: map[int32]int{}, starts: map[int32]int64{},
	}
}

// entry is the ID of the program that the entrypoint's process runs now, or ran last.
func (t *tree) entry() string {
	first := t.all[t.first]
	if first == nil {
		return ""
	}
	if p := t.current[first.PID]; p != nil {
		return p.ID
	}
	return ""
}

// fork notes a child. It gets an entry of its own when it does something.
// Threads come this way too; their events carry their leader's number, so
// nobody ever asks for them.
func (t *tree) fork(e *event.Event) {
	if e.Child <= 0 || e.Child == e.Task.PID {
		return
	}
	delete(t.current, e.Child) // the number was used before
	delete(t.starts, e.Child)
	if len(t.forks) >= maxForks {
		return
	}
	t.forks[e.Child] = fork{parent: t.nearest(e.Task.PID), seq: e.Seq, ms: millis(e.Time)}
}

// nearest is the ID of the program that pid runs, or that it is a fork of.
func (t *tree) nearest(pid int32) string {
	if p := t.current[pid]; p != nil {
		return p.ID
	}
	return t.forks[pid].parent
}

// at is the program that did e; a fork gets its entry here. It is nil when
// there are too many.
func (t *tree) at(e *event.Event) *Process {
	pid := e.Task.PID
	if p := t.current[pid]; p != nil && t.same(e) {
		return p
	}
	f, known := t.forks[pid]
	if !known {
		f = fork{parent: t.nearest(e.Task.PPID), seq: e.Seq, ms: millis(e.Time)}
	}
	delete(t.forks, pid)
	p := &Process{PPID: e.Task.PPID, Parent: f.parent, Event: f.seq, StartMS: f.ms, Forked: true, Argv: []string{}}
	if of := t.all[f.parent]; of != nil {
		p.Exe, p.SHA256, p.Size, p.Mode, p.Argv = of.Exe, of.SHA256, of.Size, of.Mode, of.Argv
		p.Drift, p.Memfd, p.Deleted, p.Stdio = of.Drift, of.Memfd, of.Deleted, of.Stdio
	}
	return t.put(p, e)
}

// elevate notes that e's process has the rights of root and did not have them
// when its program was loaded: the sensor sees a program before the set-user-ID
// bit of its file takes effect.
func (t *tree) elevate(e *event.Event) {
	if e.Task.EUID != 0 || e.Kind == event.Start || e.Kind == event.Exec {
		return
	}
	if p := t.current[e.Task.PID]; p != nil && p.PID == e.Task.PID && p.EUID != 0 && t.same(e) {
		p.Elevated = true
	}
}

// same tells whether e's task is the process that current knows by its number.
func (t *tree) same(e *event.Event) bool {
	known := t.starts[e.Task.PID]
	return known == 0 || e.Task.Start == 0 || known == e.Task.Start
}

// exec begins an entry for the program that e loaded.
func (t *tree) exec(e *event.Event) *Process {
	pid := e.Task.PID
	p := &Process{
		PPID: e.Task.PPID, Event: e.Seq, StartMS: millis(e.Time),
		Exe: e.Exec.Path, SHA256: e.Exec.SHA256, Drift: e.Exec.Drift(), Memfd: e.Exec.Memfd,
		// A file in memory never has a name, so its missing link tells nothing.
		Deleted: e.Exec.Links == 0 && !e.Exec.Memfd && e.Exec.Size > 0,
		Stdio:   e.Exec.Stdio,
		Size:    e.Exec.Size, Mode: e.Exec.Mode & 0o7777,
	}
	budget := maxArgv
	if t.text > maxProcessText {
		budget = shortArgv
	}
	p.Argv = cutTexts(e.Exec.Argv, budget)
	if t.text <= maxProcessText {
		p.Env = cutTexts(e.Exec.Env, maxEnv)
	}
	t.text += textSize(p.Argv) + textSize(p.Env)

	before := t.current[pid]
	f, forked := t.forks[pid]
	switch {
	case before != nil && t.same(e):
		p.Parent = before.ID
		before.EndMS = p.StartMS
	case forked:
		p.Parent = f.parent
	default:
		p.Parent = t.nearest(e.Task.PPID)
	}
	delete(t.forks, pid)
	return t.put(p, e)
}

// put gives p its ID and place.
func (t *tree) put(p *Process, e *event.Event) *Process {
	if len(t.order) >= maxProcesses {
		// What such a process does is told of the one that it comes from.
		if of := t.all[p.Parent]; of != nil {
			if len(t.current) < maxForks {
				t.current[e.Task.PID] = of
			}
			if p.Forked {
				return of
			}
		}
		return nil
	}
	p.PID = e.Task.PID
	p.Generation = t.next[p.PID]
	t.next[p.PID]++
	p.ID = fmt.Sprintf("%d.%d", p.PID, p.Generation)
	p.CWD, p.UID, p.EUID, p.Comm, p.Probe = e.Task.CWD, e.Task.UID, e.Task.EUID, e.Task.Comm, e.Probe
	p.Lineage = []string{}
	if parent := t.all[p.Parent]; parent != nil {
		above := parent.Lineage
		if len(above) >= maxLineage {
			above = above[len(above)-maxLineage+1:]
		}
		p.Lineage = append(append(p.Lineage, above...), parent.ID)
		parent.Children = append(parent.Children, p.ID)
	}
	t.all[p.ID] = p
	t.order = append(t.order, p)
	t.current[p.PID] = p
	t.starts[p.PID] = e.Task.Start
	if t.first == "" && !p.Probe {
		t.first = p.ID
	}
	return p
}

// exit ends the program that e's process runs.
func (t *tree) exit(e *event.Event) *Process {
	delete(t.forks, e.Task.PID)
	p := t.current[e.Task.PID]
	if p == nil || p.PID != e.Task.PID || !t.same(e) {
		return nil
	}
	p.EndMS = millis(e.Time)
	p.Exit = e.Exit
	return p
}

// ancestors calls fn for p and those above it, until fn returns false.
func (t *tree) ancestors(p *Process, fn func(*Process) bool) {
	for range maxProcesses {
		if p == nil || !fn(p) {
			return
		}
		p = t.all[p.Parent]
	}
}
