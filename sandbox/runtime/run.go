package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// The reasons why a run ended.
const (
	Exited   = "exited"  // the first process ended; see Result.Exit
	TimedOut = "timeout" // Limits.Wall passed
	Stopped  = "stopped" // Spec.Stop was closed
	OutOfMem = "memory"  // Limits.Memory was used up
	Crashed  = "crashed" // the sandbox itself died or broke its protocol; see Result.Detail
)

// Result is what came of a run. Every field is set unless said otherwise.
type Result struct {
	End      string        // one of the reasons above
	Detail   string        // End == Crashed: the runtime's last words
	Exit     *event.Status // of the first process; nil unless End == Exited
	Started  time.Time     // when the first process began
	Finished time.Time

	Events       uint64 // that were delivered, those of kind Lost not counted
	Lost         uint64 // non-critical ones that the sensor had to drop
	LostCritical uint64 // above 0: the run proves nothing

	Diff      string // Spec.DiffPath, or "" when there is none; see DiffError
	DiffError string // why the difference is missing or cut

	Clock Clock

	Copies []Copied // files below Spec.CopiesDir, in the order in which they were kept

	Stdout, Stderr           []byte // tails
	StdoutBytes, StderrBytes int64  // all that was written
}

// StartError says that the guest's program could not be started: it does not
// exist, is for another CPU or is not executable. That is the image's doing.
type StartError struct{ Detail string }

func (e *StartError) Error() string { return "the program could not be started: " + e.Detail }

// How long the parts of a run may take that the guest cannot stretch honestly.
const (
	startLimit   = 60 * time.Second // until the first process runs
	askLimit     = 20 * time.Second // for an answer of the child; a large difference takes seconds
	destroyLimit = 5 * time.Second
)

// Run runs spec and waits for its end. It returns an error when the sandbox
// could not be started or ctx ended; what the guest did is never an error.
// Whatever it returns, no process, mount or temporary file remains, but for
// the file at spec.DiffPath, which is the caller's.
//
// Errors: *UnsupportedError when the kernel forbids what a sandbox needs;
// *StartError when the image has no such program; ctx.Err() when ctx ended.
func Run(ctx context.Context, spec Spec) (*Result, error) {
	if !hooked {
		return nil, errors.New("runtime: main must call ReexecIfSandbox first")
	}
	if err := checkBuild(); err != nil {
		return nil, err
	}
	spec, err := spec.withDefaults()
	if err != nil {
		return nil, err
	}
	image, err := rootfs.Open(spec.Root)
	if err != nil {
		return nil, fmt.Errorf("opening the image's file system: %w", err)
	}
	defer image.Close()
	first, err := firstProgram(image, &spec)
	if err != nil {
		return nil, err
	}
	var copies *copyStore
	if spec.CopiesDir != "" {
		if copies, err = newCopyStore(spec.CopiesDir); err != nil {
			return nil, err
		}
	}
	folder, err := newFolder(spec.Dir)
	if err != nil {
		return nil, err
	}
	defer folder.remove(spec.Logger)
	if err := writeBundle(folder.path, image, &spec); err != nil {
		return nil, fmt.Errorf("preparing a sandbox: %w", err)
	}
	c, err := launch(folder, &spec)
	if err != nil {
		return nil, err
	}
	r := &run{spec: &spec, child: c, result: &Result{}, sight: newSight(&spec, first, c.sensor, copies)}
	err = r.conduct(ctx)
	c.end()
	<-r.sight.done
	r.finish(folder)
	if err != nil {
		if spec.DiffPath != "" {
			os.Remove(spec.DiffPath)
		}
		return nil, err
	}
	return r.result, nil
}

// run is one run under way, seen from the daemon.
type run struct {
	spec   *Spec
	child  *child
	sight  *sight
	result *Result
	killed bool // by us, so that a missing end of the event stream is no loss

	released bool // the first process was let go; the sandbox is about to end
}

// conduct starts the guest, waits for its end and takes the difference.
func (r *run) conduct(ctx context.Context) error {
	if err := r.awaitStart(ctx); err != nil {
		return err
	}
	wall := time.NewTimer(r.spec.Limits.Wall)
	defer wall.Stop()
	look := time.NewTicker(loadEvery)
	defer look.Stop()
	orders := r.spec.Time.Orders
	for {
		select {
		case <-look.C:
			if r.spec.Load != nil {
				r.spec.Load(load(r.child.sentry))
			}
		case <-ctx.Done():
			r.destroy()
			return ctx.Err()
		case <-wall.C:
			if r.endsByItself(time.Second) {
				return nil
			}
			return r.cut(ctx, TimedOut, true)
		case <-r.spec.Stop:
			if r.endsByItself(time.Second) {
				return nil
			}
			return r.cut(ctx, Stopped, true)
		case o, ok := <-orders:
			if !ok {
				orders = nil
			} else if err := r.sight.order(o); err != nil {
				r.spec.Logger.Warn("the guest's clocks could not be ordered", "order", o.Do, "error", err)
			}
		case <-r.spec.HangUp:
			if err := sensor.HangUp(r.sight.socket); err != nil {
				r.spec.Logger.Debug("the first process was not told to hang up", "error", err)
			}
		case <-r.spec.Pin:
			r.child.stdout.pin()
			r.child.stderr.pin()
		case <-r.sight.broken:
			r.result.End, r.result.Detail = Crashed, "the sensor's stream was malformed"
			r.destroy()
			return nil
		case <-r.sight.initEnded:
			if err := errors.Join(r.sight.tellClock(ctx), r.sight.collect(ctx)); err != nil && ctx.Err() == nil {
				r.spec.Logger.Warn("what a guest left in memory is not known", "error", err)
			}
			r.takeDiff(ctx)
			_ = r.sight.release() // a sandbox that died meanwhile says so below
			r.released = true
		case m, ok := <-r.child.notices:
			switch {
			case !ok:
				r.result.End = Crashed
				return nil
			case m.What == sayMemory:
				return r.cut(ctx, OutOfMem, false)
			case m.What == sayExited:
				r.exited(m)
				return nil
			}
		}
	}
}

func (r *run) awaitStart(ctx context.Context) error {
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return fmt.Errorf("the sandbox did not start within %v", startLimit)
	case m, ok := <-r.child.notices:
		switch {
		case !ok:
			return fmt.Errorf("the sandbox died while it started: %s", r.child.lastWords())
		case m.What == sayNoProgram:
			return &StartError{Detail: m.Error}
		case m.What != sayStarted:
			return fmt.Errorf("starting a sandbox: %s", m.Error)
		}
		r.child.watch(m.PID)
	}
	r.result.Started = time.Now()
	if r.spec.OnStart != nil {
		r.spec.OnStart()
	}
	return nil
}

// endsByItself waits for a sandbox whose first process has ended. It may be in
// vain: a first process can go on without its first thread.
func (r *run) endsByItself(patience time.Duration) bool {
	if !r.released {
		return false
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case m, ok := <-r.child.notices:
		if !ok || m.What != sayExited {
			return false
		}
		r.exited(m)
		return true
	case <-limit.C:
		return false
	}
}

// cut ends a guest that is still running: it stops where it is, so that events
// and difference belong together.
func (r *run) cut(ctx context.Context, why string, pause bool) error {
	r.result.End = why
	var err error
	if pause {
		if err := r.sight.tellClock(ctx); err != nil && ctx.Err() == nil {
			r.spec.Logger.Warn("what a guest waited for is not known", "error", err)
		}
		_, err = r.child.ask(ctx, askPause)
	}
	switch {
	case err != nil:
	case pause:
		err = r.sight.collect(ctx)
	default: // there is no memory for more than what must be
		err = r.sight.sync(ctx)
	}
	switch {
	case err == nil:
		r.takeDiff(ctx)
	case ctx.Err() != nil:
	case r.endsByItself(askLimit): // it was ending, and could not be stopped for that
		return nil
	default:
		r.result.DiffError = err.Error()
		r.result.LostCritical++ // what happened last is not known
	}
	r.destroy()
	return ctx.Err()
}

func (r *run) takeDiff(ctx context.Context) {
	if r.spec.DiffPath == "" {
		return
	}
	r.result.Diff, r.result.DiffError = "", ""
	if _, err := r.child.ask(ctx, askDiff); err != nil {
		r.result.DiffError = err.Error()
		os.Remove(r.spec.DiffPath)
		return
	}
	r.result.Diff = r.spec.DiffPath
}

// destroy ends the sandbox in an orderly way; child.end does what is left.
func (r *run) destroy() {
	r.killed = true
	if r.child.send(message{What: askDestroy}) != nil {
		return
	}
	limit := time.NewTimer(destroyLimit)
	defer limit.Stop()
	for {
		select {
		case m, ok := <-r.child.notices:
			if !ok || m.What == sayExited {
				return
			}
		case <-limit.C:
			return
		}
	}
}

// exited notes how the sandbox ended by itself.
func (r *run) exited(m message) {
	if m.Error != "" {
		r.result.End, r.result.Detail = Crashed, m.Error
		return
	}
	r.result.End = Exited
	r.result.Exit = exitStatus(m.Wait)
}

// finish fills in what is known only when everything has ended.
func (r *run) finish(f *folder) {
	res := r.result
	res.Finished = time.Now()
	res.Stdout, res.StdoutBytes = r.child.stdout.result()
	res.Stderr, res.StderrBytes = r.child.stderr.result()
	res.Events, res.Lost, res.Clock = r.sight.events, r.sight.lost, r.sight.clock
	if c := r.sight.copies; c != nil {
		if err := errors.Join(r.sight.fault, c.close()); err != nil {
			r.spec.Logger.Error("copies of a guest's files are missing", "error", err)
		}
		res.Copies = c.list
	}
	if r.sight.malformed || !r.killed && !r.sight.sawEnd {
		res.LostCritical++
	}
	if res.End == Crashed {
		if res.Detail == "" {
			res.Detail = "the process that kept it ended: " + r.child.cmd.ProcessState.String()
		}
		if words := r.child.lastWords() + f.lastWords(); words != "" {
			res.Detail += ": " + words
		}
		r.spec.Logger.Error("a sandbox crashed", "detail", res.Detail)
	}
}
