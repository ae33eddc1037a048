package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// pass is one detonation of a run's image.
type pass struct {
	run   *run
	name  string
	why   string        // it is made; of any but the first
	plan  *plan         // what is started
	limit time.Duration // of wall time

	on        *runtime.Layer     // what an earlier pass left, on which it is made; nil: the image as it is
	asRoot    bool               // whoever the image says
	commanded bool               // the first process is ours
	hooks     []observation.Hook // that it runs
	tempting  bool               // more rights, and more to steal

	seen      *observation.Observation // once it was made
	judgement *judge.Judgement         // once it was judged
	injected  []runtime.File           // what was put into its writable layer
}

// file is a file of this pass in the run's folder. That of the first pass has
// the name alone.
func (p *pass) file(name string) string {
	if p.name != observation.Default {
		name += "-" + p.name
	}
	return p.run.dir.file(name)
}

// detonate runs the program once and folds what it did.
func (p *pass) detonate(ctx context.Context) error {
	r := p.run
	run := r.started(p.name)
	run.Why, run.Hooks, run.Token = p.why, p.hooks, rand.Text()
	clocks := newGuestTime(r.runner.cfg.Clocks.of(r.req.Profile))
	internet := p.network(run.Token)
	internet.Now = clocks.now
	world, err := network.New(internet)
	if err != nil {
		return fmt.Errorf("starting the simulated internet: %w", err)
	}
	defer world.Close()
	link := runtime.Link(world.Link())
	for _, a := range link.Addresses {
		run.Addresses = append(run.Addresses, a.Addr().String())
	}

	set := &setting{root: r.root, world: world, secrets: r.secrets, who: r.who, hostname: r.hostname, plan: p.plan, tempting: p.tempting}
	files := set.files()
	run.Bait = set.bait
	builder := observation.New(r.image, run)
	if p.on != nil {
		builder.Inherit(r.main.seen)
	}
	watch := newWatch(world, clocks, p.plan.ports, newWebPaths(r.root, p.plan), run.Token[:wordLength], r.runner.cfg.Idle, r.log)
	watch.late = p.limit * 3 / 4
	if r.req.Profile.Name != protocol.Quick && !p.commanded {
		watch.hangUp = make(chan struct{}, 1)
	}
	var running time.Time // since when
	proof := &proof{judge: r.runner.cfg.Judge, log: r.log, fold: func(events []event.Event) *observation.Observation {
		b := observation.New(r.image, run)
		for _, e := range events {
			b.Add(e)
		}
		records := world.Records(clocks.started(running))
		b.AddNetwork(observation.Network{Flows: records.Flows, DNS: records.DNS, HTTP: records.HTTP, Traffic: records.Traffic})
		b.End(observation.End{Status: observation.Timeout, Duration: time.Since(running)})
		return b.Build()
	}}
	criticalSeen, first := uint64(0), r.seq
	spec := runtime.Spec{
		Dir:      filepath.Join(r.runner.cfg.Dir, boxesFolder),
		Root:     r.root.Path,
		Hostname: set.hostname,
		Process:  runtime.Process{Args: p.plan.args, Env: set.environment(), Cwd: p.plan.cwd, UID: r.who.uid, GID: r.who.gid, Groups: r.who.groups},
		Files:    files,
		Layer:    p.on,
		Link:     &link,
		Lure:     set.lure(),
		Limits:   r.runner.cfg.Limits,
		DiffPath: p.file(protocol.FSDiff), CopiesDir: p.file(copiesFolder),
		ReadsOf: set.readsOf(),
		Time:    clocks.spec(),
		Events: func(e event.Event) {
			if e.Kind == event.LostCritical {
				criticalSeen++
			}
			e.Seq += first
			e.Probe = e.Probe || p.commanded && e.Task.PID == 1
			r.seq = max(r.seq, e.Seq)
			builder.Add(e)
			r.events.add(p.name, e)
			proof.add(e)
			watch.event(e)
		},
		OnStart: func() {
			running = time.Now()
			watch.start()
			watch.work.Go(func() { proof.wait(watch.ctx, func() { watch.end(enoughProof) }) })
		},
		Pin:    watch.pin,
		HangUp: watch.hangUp,
		Load:   watch.load,
		Stop:   watch.still,
		Logger: r.log,
	}
	if p.asRoot {
		spec.Process.UID, spec.Process.GID, spec.Process.Groups = 0, 0, nil
	}
	if p.tempting {
		spec.Process.Capabilities = runtime.AllCapabilities()
	}
	spec.Limits.Wall = p.limit
	p.injected = spec.Files
	began := time.Now()
	result, err := runtime.Run(ctx, spec)
	watch.stop()
	var noProgram *runtime.StartError
	switch {
	case errors.As(err, &noProgram):
		builder.End(observation.End{Status: observation.Failed, Reason: fmt.Sprintf("the image's program %q could not be started: %s", p.plan.args[0], noProgram.Detail)})
		p.seen = builder.Build()
		return nil
	case err != nil:
		return fmt.Errorf("running %s: %w", r.req.Reference, err)
	}

	// What the runtime knows to be missing, the observation must know too.
	for ; criticalSeen < result.LostCritical; criticalSeen++ {
		builder.Add(event.Event{Kind: event.LostCritical})
	}
	if err := world.Close(); err != nil { // completes flows and capture
		return err
	}
	records := world.Records(clocks.started(result.Started))
	builder.AddNetwork(observation.Network{Flows: records.Flows, DNS: records.DNS, HTTP: records.HTTP, Traffic: records.Traffic})
	end := endOf(result, p.limit)
	end.Unrecorded = records.Beyond.Flows
	clocks.ended(&end, result.Clock)
	if n := records.Beyond.Flows + records.Beyond.DNS + records.Beyond.HTTP; n > 0 {
		end.Reason = join(end.Reason, fmt.Sprintf("%d more connections, questions and requests than are kept", n))
	}
	end.CPU, end.CPUs = watch.used(), goruntime.NumCPU()
	end.PortsProbed, end.PortsSilent = watch.probed()
	end.Unmet = unmet(records.HTTP)
	by, done := watch.wasDone()
	ended := result.End == runtime.Exited && done // not by itself
	switch {
	case result.End == runtime.Stopped:
		end.Early = watch.why()
	case ended:
		end.Early = fmt.Sprintf("it only waited for %v, and ended when %s", r.runner.cfg.Idle, by)
	}
	if err := p.addFiles(builder, set, result); err != nil {
		r.log.Warn("the file system's difference could not be read to its end", "error", err)
		end.Reason = join(end.Reason, fmt.Sprintf("changed files are not all known: %v", err))
	}
	p.addCopies(builder, result.Copies)
	p.addContents(builder, r.root)
	if n := result.StdoutBytes + result.StderrBytes; n > loud {
		end.Reason = join(end.Reason, fmt.Sprintf("it wrote %d MiB of output, of which the end is kept", n>>20))
	}
	if n := result.Lost; n > 0 {
		end.Reason = join(end.Reason, fmt.Sprintf("%d events of lesser importance came too fast to be kept", n))
	}
	builder.End(end)
	r.log.Debug("detonated", "pass", p.name, "end", result.End, "after", time.Since(began), "events", result.Events)
	p.seen = builder.Build()
	if p.commanded { // its first process is none of the image's
		p.seen.Run.RanEntrypoint, p.seen.Run.Exit = true, nil
	}
	if ended {
		p.seen.Run.Exit = nil
	}
	return nil
}

// layer is what the pass left on disk, for the pass next to be made on; nil when
// that is not known, or too much.
func (p *pass) layer(next string) *runtime.Layer {
	info, err := os.Stat(p.file(protocol.FSDiff))
	switch {
	case err != nil:
		p.run.skip(next, "what the image left on disk is not known")
		return nil
	case info.Size() > maxLayer:
		p.run.skip(next, fmt.Sprintf("the image left more than %d MiB on disk", maxLayer>>20))
		return nil
	}
	return &runtime.Layer{Path: p.file(protocol.FSDiff), Injected: p.injected}
}

// maxLayer bounds what is taken over from one pass to another, in bytes: the
// Sentry reads all of it before it starts.
const maxLayer = 128 << 20

// addFiles reads the difference of the file system.
func (p *pass) addFiles(b *observation.Builder, set *setting, result *runtime.Result) error {
	if result.Diff == "" {
		return errors.New(result.DiffError)
	}
	f, err := os.Open(result.Diff)
	if err != nil {
		return err
	}
	defer f.Close()
	err = runtime.ReadDiff(f, set.made, func(c runtime.Change) error {
		return b.AddFile(observation.Change{
			Path: c.Path, Deleted: c.Deleted, Header: c.Header, Content: c.Content, InImage: set.root.Exists(c.Path) || slices.Contains(set.bait, c.Path),
		})
	})
	if err == nil && result.DiffError != "" {
		err = errors.New(result.DiffError)
	}
	return err
}

// loud is how much output is worth a word, in bytes.
const loud = 8 << 20

// copiesFolder is where a run keeps files that the guest removed.
const copiesFolder = "copies"

// addCopies looks into the files that were kept.
func (p *pass) addCopies(b *observation.Builder, list []runtime.Copied) {
	for _, c := range list {
		f, err := os.Open(c.File)
		if err == nil {
			err = errors.Join(b.AddCopy(c.Copy, c.Whole, f), f.Close())
		}
		if err != nil {
			p.run.log.Warn("a copy of a guest's file could not be read", "path", c.Path, "error", err)
		}
	}
}

// addContents looks into the programs and scripts of the image that ran.
func (p *pass) addContents(b *observation.Builder, root *rootfs.Root) {
	left := int64(maxLookedInto)
	for _, name := range b.Executed() {
		e, err := root.Stat(name)
		if err != nil || !e.Mode.IsRegular() || e.Size > left {
			continue
		}
		left -= e.Size
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		if err := b.AddContent(name, f); err != nil {
			p.run.log.Warn("a program of the image could not be read", "path", name, "error", err)
		}
		f.Close()
	}
}

// maxLookedInto bounds the bytes of the image's own programs that are read after a run.
const maxLookedInto = 256 << 20

// endOf puts the runtime's result into the observation's words.
func endOf(r *runtime.Result, limit time.Duration) observation.End {
	e := observation.End{Duration: r.Finished.Sub(r.Started), Stdout: string(r.Stdout), Stderr: string(r.Stderr)}
	switch r.End {
	case runtime.Exited, runtime.Stopped:
		e.Status = observation.Completed
	case runtime.TimedOut:
		e.Status, e.Reason = observation.Timeout, fmt.Sprintf("it still ran after %v", limit)
	case runtime.OutOfMem:
		e.Status, e.Reason = observation.Failed, "it used up the memory that the sandbox gives"
	default:
		e.Status, e.Reason = observation.Failed, "the sandbox crashed: "+r.Detail
	}
	return e
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// hostname looks as Docker's: the start of a container id.
func hostname() string {
	b := make([]byte, 6)
	_, _ = io.ReadFull(rand.Reader, b) // crypto/rand does not fail
	return hex.EncodeToString(b)
}
