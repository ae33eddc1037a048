package observation

import (
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Builder folds events and records into an Observation. It is for one
// goroutine. Its memory is bounded, whatever the guest does: what is beyond
// the limits is counted in Counts.Dropped.
type Builder struct {
	o       Observation
	tree    tree
	ledger  ledger
	conns   connections
	writes  writes
	own     map[string]bool // the guest's addresses
	bodies  map[string]bool // SHA-256 of what the network answered
	left    map[string]File // what an earlier run left, by path
	hashed  map[string]File // regular files of the difference, for hard links to them
	heads   int             // bytes of File.Head so far
	paths   int             // bytes of File.Path and File.Target so far
	missing int64           // flows beyond maxRecords
	spoken  int             // bytes of what flows and requests said so far
}

// New begins the observation of one run.
func New(image Image, run Run) *Builder {
	b := &Builder{
		o:      Observation{Schema: SchemaVersion, Image: image, Run: run, Events: map[event.Kind][]Event{}, Contents: map[string]*Content{}},
		tree:   newTree(),
		ledger: newLedger(),
		conns:  newConnections(),
		writes: writes{byPath: map[string][]write{}},
		own:    map[string]bool{},
		bodies: map[string]bool{},
		hashed: map[string]File{},
	}
	for _, ip := range run.Addresses {
		b.own[plainIP(ip)] = true
	}
	b.o.Run.Counts.Dropped = map[event.Kind]uint64{}
	return b
}

// Add folds one event. Events come in order of Seq; what the image's own
// processes did and what ours did is told apart by Event.Probe.
func (b *Builder) Add(e event.Event) {
	counts := &b.o.Run.Counts
	switch e.Kind {
	case event.Lost:
		if len(e.Args) > 0 && e.Args[0] > 0 {
			counts.Lost += uint64(e.Args[0])
		}
		return
	case event.LostCritical:
		counts.CriticalLost++
		return
	}
	counts.Total++
	normalise(&e, b.own)
	b.flushTry(&e)
	b.tree.elevate(&e)
	switch e.Kind {
	case event.Limit:
		b.limit(e.Name)
	case event.Start, event.Exec:
		b.exec(&e)
	case event.Clone:
		b.tree.fork(&e)
	case event.Exit:
		b.exit(&e)
	case event.ClockRest: // the caller's End has it
	case event.ClockJump:
		e.Args = e.Args[:min(len(e.Args), 1)] // without the date
		b.record(&e)
	case event.ExecTry:
		if len(b.ledger.tries) >= maxPerKind {
			b.o.Run.Counts.Dropped[e.Kind]++
			return
		}
		b.ledger.tries[e.Task.TID] = e
	default:
		b.record(&e)
	}
}

// flushTry records an attempt to execute that was not followed by an exec of
// the same thread: it failed. One that succeeded is told by the Process.
func (b *Builder) flushTry(next *event.Event) {
	tid := next.Task.TID
	try, ok := b.ledger.tries[tid]
	if !ok {
		return
	}
	delete(b.ledger.tries, tid)
	if next.Kind != event.Exec {
		b.record(&try)
	}
}

func (b *Builder) exec(e *event.Event) {
	if e.Exec == nil {
		return
	}
	p := b.tree.exec(e)
	if p == nil {
		b.o.Run.Counts.Dropped[e.Kind]++
		return
	}
	if e.Kind == event.Start && !e.Probe {
		b.o.Run.RanEntrypoint = true
	}
	// Output redirected to a file was opened by the fork before its exec; it is
	// the new program that fills it.
	for _, fd := range p.Stdio[1:] {
		if fd != nil && fd.Kind == "file" && b.writes.has(fd.Path) {
			b.writes.add(fd.Path, write{process: p.ID, seq: e.Seq, ms: millis(e.Time)})
		}
	}
}

func (b *Builder) exit(e *event.Event) {
	p := b.tree.exit(e)
	if p != nil && p.ID == b.tree.entry() {
		b.o.Run.Exit = p.Exit
	}
}

func (b *Builder) record(e *event.Event) {
	kind := e.Kind
	if e.Changes() {
		kind = Write
	}
	p := b.tree.at(e)
	if p == nil {
		b.o.Run.Counts.Dropped[kind]++
		return
	}
	w := write{process: p.ID, seq: e.Seq, ms: millis(e.Time)}
	switch kind {
	case event.Connect, event.Send, event.Accept:
		b.conns.add(p, e)
	case Write, event.Mknod:
		b.writes.add(e.Path, w)
	case event.Rename:
		b.writes.move(e.Path, e.Target, w)
	case event.Link:
		b.writes.move(e.Target, e.Path, w)
	case event.Symlink:
		b.writes.add(e.Path, w)
	}
	if !b.ledger.add(b.o.Events, kind, p.ID, e) {
		b.o.Run.Counts.Dropped[kind]++
	}
}

// limit notes a limit of the sandbox that was met.
func (b *Builder) limit(name string) {
	if l := &b.o.Run.Limits; len(*l) < 8 && !slices.Contains(*l, name) {
		*l = append(*l, name)
	}
}

// End says how the run ended.
func (b *Builder) End(e End) { b.o.Run.End = e }

// Build joins what was added. The Builder is spent.
func (b *Builder) Build() *Observation {
	for tid := range b.ledger.tries {
		b.flushTry(&event.Event{Kind: event.Exit, Task: event.Task{TID: tid}})
	}
	b.conns.join(&b.o.Network, b.tree.all, b.own)
	for _, h := range b.o.Network.HTTP {
		if h.SHA256 != "" && h.Status/100 == 2 {
			b.bodies[h.SHA256] = true
		}
	}
	b.readArguments()
	b.tree.pipes()
	b.attribute()
	b.tree.lineages(b.writes, b.conversations())
	b.o.Processes = b.tree.all
	sortEvents(b.o.Events)
	b.o.Run.Unrecorded += b.missing
	b.o.Run.MarkerRan = b.o.Run.Token != "" && slices.Contains(strings.Split(b.o.Run.Stdout, "\n"), b.o.Run.Token)
	b.o.index(b.own)
	b.o.fill()
	return &b.o
}

// index makes what rules look things up in.
func (o *Observation) index(own map[string]bool) {
	n := &o.Network
	n.Contacts = o.contacts()
	n.Apps, n.Domains, n.Zones = o.apps(), o.domains(), o.zones()
	n.Sweeps, n.Rhythms, n.Repeats = o.portSweeps(), o.rhythms(), o.repeats()
	o.attributeTraffic(own)
	n.Traffic = orEmpty(n.Traffic)
}

// fill replaces nil by empty where the document has a list: a rule that
// iterates must not meet null.
func (o *Observation) fill() {
	for _, l := range []*[]string{&o.Image.Entrypoint, &o.Image.Cmd, &o.Image.Env, &o.Image.Exposed, &o.Image.Volumes, &o.Files.Deleted} {
		*l = orEmpty(*l)
	}
	if o.Image.Labels == nil {
		o.Image.Labels = map[string]string{}
	}
	o.Network.Flows, o.Network.DNS, o.Network.HTTP = orEmpty(o.Network.Flows), orEmpty(o.Network.DNS), orEmpty(o.Network.HTTP)
	o.Files.Created, o.Files.Modified = orEmpty(o.Files.Created), orEmpty(o.Files.Modified)
	for _, c := range o.Contents {
		c.Paths = orEmpty(c.Paths)
	}
	for _, p := range o.Processes {
		p.Env, p.PipeFrom, p.Children = orEmpty(p.Env), orEmpty(p.PipeFrom), orEmpty(p.Children)
		p.Flows, p.HTTP = orEmpty(p.Flows), orEmpty(p.HTTP)
		p.Names = names(p)
	}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		f.Messages, f.Canaries = orEmpty(f.Messages), orEmpty(f.Canaries)
	}
	for i := range o.Network.DNS {
		o.Network.DNS[i].Answers = orEmpty(o.Network.DNS[i].Answers)
	}
	for i := range o.Network.HTTP {
		if o.Network.HTTP[i].Headers == nil {
			o.Network.HTTP[i].Headers = map[string]string{}
		}
	}
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
