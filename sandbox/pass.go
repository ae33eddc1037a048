package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// pass is one image on its way through one detonation. More kinds of passes
// (bait, time) will share its steps.
type pass struct {
	runner   *Runner
	dir      *folder
	img      v1.Image
	req      Request
	timeout  time.Duration
	progress func(state string)
	log      *slog.Logger

	idle bool // the guest was ended because it only waited
}

// limit is how long a state may last; 0 when there is no such limit.
func (p *pass) limit(state string) time.Duration {
	if state == protocol.Running {
		return p.timeout
	}
	return 0
}

// conduct takes the image from its bytes to an observation. A judgement is
// returned when there was nothing to run.
func (p *pass) conduct(ctx context.Context) (*observation.Observation, *judge.Judgement, error) {
	im, cf, err := describe(p.img, p.req.Reference)
	if err != nil {
		return nil, nil, err
	}
	run := observation.Run{Started: p.runner.cfg.Now().UTC(), Profile: p.req.Profile.Name, Network: "simulated", Passes: []string{"default"}}
	planned, refused := makePlan(im, len(cf.RootFS.DiffIDs))
	if refused != nil {
		return p.notRun(im, run, refused)
	}

	p.progress(protocol.Unpacking)
	began := time.Now()
	root, err := rootfs.Build(ctx, p.img, p.dir.file("root.erofs"), p.runner.cfg.Unpack)
	var tooLarge *rootfs.LimitError
	if errors.As(err, &tooLarge) {
		return p.notRun(im, run, notRun(report.Inconclusive, "the image is larger than the sandbox unpacks: %v", tooLarge))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking %s: %w", p.req.Reference, err)
	}
	p.runner.metrics.stage("unpack", began)
	defer func() {
		root.Close()
		os.Remove(root.Path) // the largest file of a run need not wait for Outcome.Close
	}()

	who, err := resolve(root, planned.user)
	if err != nil {
		return p.notRun(im, run, notRun(report.Inconclusive, "the image cannot be started: %v", err))
	}
	im.Data = dataFiles(root)
	im.Program = program(root, planned, environment(planned.env, defaultPath))
	p.progress(protocol.Running)
	began = time.Now()
	o, err := p.detonate(ctx, planned, who, root, im, run)
	if err != nil {
		return nil, nil, err
	}
	p.runner.metrics.stage("detonate", began)
	return o, nil, nil
}

// notRun is the observation of an image of which nothing ran.
func (p *pass) notRun(im observation.Image, run observation.Run, why *judge.Judgement) (*observation.Observation, *judge.Judgement, error) {
	why.Ruleset = p.runner.Ruleset()
	run.Passes = nil
	b := observation.New(im, run)
	b.End(observation.End{Status: observation.Failed, Reason: why.Reason})
	return b.Build(), why, nil
}

// detonate runs the image's program once and folds what it did.
func (p *pass) detonate(ctx context.Context, plan *plan, who account, root *rootfs.Root, im observation.Image, run observation.Run) (*observation.Observation, error) {
	secrets, err := canary.New(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making canaries: %w", err)
	}
	run.Token = rand.Text()
	world, err := network.New(network.Config{
		Token: run.Token, Arch: image.Host().Architecture, Canaries: secrets, Pcap: p.dir.file(protocol.PCAP), Logger: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the simulated internet: %w", err)
	}
	defer world.Close()
	link := runtime.Link(world.Link())
	for _, a := range link.Addresses {
		run.Addresses = append(run.Addresses, a.Addr().String())
	}
	log, err := newEventLog(p.dir.file(protocol.Events))
	if err != nil {
		return nil, err
	}
	defer log.Close()

	set := &setting{root: root, world: world, secrets: secrets, home: who.home, hostname: hostname(), plan: plan}
	builder := observation.New(im, run)
	watch := newWatch(world, plan.ports, run.Token, p.runner.cfg.Idle, p.log)
	criticalSeen := uint64(0)
	spec := runtime.Spec{
		Dir:      filepath.Join(p.runner.cfg.Dir, boxesFolder),
		Root:     root.Path,
		Hostname: set.hostname,
		Process:  runtime.Process{Args: plan.args, Env: set.environment(), Cwd: plan.cwd, UID: who.uid, GID: who.gid, Groups: who.groups},
		Files:    set.files(),
		Link:     &link,
		Limits:   p.runner.cfg.Limits,
		DiffPath: p.dir.file(protocol.FSDiff), CopiesDir: p.dir.file(copiesFolder),
		ReadsOf: set.readsOf(),
		Events: func(e event.Event) {
			if e.Kind == event.LostCritical {
				criticalSeen++
			}
			builder.Add(e)
			log.add(e)
			watch.event(e)
		},
		OnStart: watch.start,
		Load:    watch.load,
		Stop:    watch.still,
		Logger:  p.log,
	}
	spec.Limits.Wall = p.timeout
	began := time.Now()
	result, err := runtime.Run(ctx, spec)
	watch.stop()
	var noProgram *runtime.StartError
	switch {
	case errors.As(err, &noProgram):
		builder.End(observation.End{Status: observation.Failed, Reason: fmt.Sprintf("the image's program %q could not be started: %s", plan.args[0], noProgram.Detail)})
		return builder.Build(), nil
	case err != nil:
		return nil, fmt.Errorf("running %s: %w", p.req.Reference, err)
	}
	p.idle = result.End == runtime.Stopped

	// What the runtime knows to be missing, the observation must know too.
	for ; criticalSeen < result.LostCritical; criticalSeen++ {
		builder.Add(event.Event{Kind: event.LostCritical})
	}
	if err := world.Close(); err != nil { // completes flows and capture
		return nil, err
	}
	records := world.Records(result.Started)
	builder.AddNetwork(observation.Network{Flows: records.Flows, DNS: records.DNS, HTTP: records.HTTP, Traffic: records.Traffic})
	end := ended(result, p.timeout)
	end.Unrecorded = records.Beyond.Flows
	if n := records.Beyond.Flows + records.Beyond.DNS + records.Beyond.HTTP; n > 0 {
		end.Reason = join(end.Reason, fmt.Sprintf("%d more connections, questions and requests than are kept", n))
	}
	end.CPU, end.CPUs = watch.used(), goruntime.NumCPU()
	end.PortsProbed, end.Unmet = watch.probed(), unmet(records.HTTP)
	if err := p.addFiles(builder, set, result); err != nil {
		p.log.Warn("the file system's difference could not be read to its end", "error", err)
		end.Reason = join(end.Reason, fmt.Sprintf("changed files are not all known: %v", err))
	}
	p.addCopies(builder, result.Copies)
	p.addContents(builder, root)
	if n := result.StdoutBytes + result.StderrBytes; n > loud {
		end.Reason = join(end.Reason, fmt.Sprintf("it wrote %d MiB of output, of which the end is kept", n>>20))
	}
	if n := result.Lost; n > 0 {
		end.Reason = join(end.Reason, fmt.Sprintf("%d events of lesser importance came too fast to be kept", n))
	}
	builder.End(end)
	p.log.Debug("detonated", "end", result.End, "after", time.Since(began), "events", result.Events)
	return builder.Build(), log.Close()
}

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
			Path: c.Path, Deleted: c.Deleted, Header: c.Header, Content: c.Content, InImage: set.root.Exists(c.Path),
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
			p.log.Warn("a copy of a guest's file could not be read", "path", c.Path, "error", err)
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
			p.log.Warn("a program of the image could not be read", "path", name, "error", err)
		}
		f.Close()
	}
}

// maxLookedInto bounds the bytes of the image's own programs that are read after a run.
const maxLookedInto = 256 << 20

// ended puts the runtime's result into the observation's words.
func ended(r *runtime.Result, limit time.Duration) observation.End {
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

// unmet lists where programs and scripts were wanted that we answered with
// markers: what they would have done is not known.
func unmet(requests []observation.HTTP) []string {
	var list []string
	for _, h := range requests {
		if h.Payload == "" || len(list) >= 100 {
			continue
		}
		scheme := "http"
		if h.TLS {
			scheme = "https"
		}
		if u := scheme + "://" + h.Host + h.Path; !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

// complete adds to the report what only the pass knows.
func (p *pass) complete(r *report.Report) {
	if p.idle {
		// It would have gone on; what it does later was not seen.
		r.Run.Coverage.FullWindow = false
		r.Run.Reason = join(r.Run.Reason, fmt.Sprintf("ended early: it only waited for %v", p.runner.cfg.Idle))
	}
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
