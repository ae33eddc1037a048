package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// Judge concludes from what was seen; a *judge.Judge does.
type Judge interface {
	Judge(ctx context.Context, o *observation.Observation) (judge.Judgement, error)
	// Ruleset names the rules in use: a version and a hash.
	Ruleset() string
}

// Config is what a Runner needs. Dir and Judge are required.
type Config struct {
	Dir         string         // runs live below it, each in a folder of its own that goes with it
	Judge       Judge          //
	Timeout     time.Duration  // wall time of all passes together unless the request says otherwise; default 180 s
	Idle        time.Duration  // a guest that only waited for this long is done; default 10 s
	Concurrency int            // runs at a time, the others wait; default 2
	Clocks      Clocks         // of the guests
	Limits      runtime.Limits // of one guest; Wall is ignored, see Timeout
	Unpack      rootfs.Limits  // of one image

	Recording *recording.Recording // what network replay answers with; nil: not offered
	Gateway   *gateway.Gateway     // the way out of network gateway; nil: not offered

	Version string // of this program, for the report
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // of when a run began, for the report; default time.Now
}

// Request says which image is run, and how. ID becomes the report's scan_id;
// empty makes one up.
type Request struct {
	ID        string
	Reference image.Reference // for the report
	Profile   protocol.Profile
}

// Runner runs images. It is safe for concurrent use.
type Runner struct {
	cfg     Config
	slots   chan struct{} // one token per run under way
	metrics *metrics
}

// New makes a Runner and deletes what an earlier process left below cfg.Dir.
// main, and TestMain of whoever calls Run, must begin with runtime.ReexecIfSandbox.
func New(cfg Config) (*Runner, error) {
	if cfg.Dir == "" || cfg.Judge == nil {
		return nil, errors.New("sandbox: a runner needs a folder and a judge")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	cfg.Dir = dir
	cfg = cfg.withDefaults()
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, slots: make(chan struct{}, cfg.Concurrency), metrics: m}
	if err := r.sweep(); err != nil {
		return nil, fmt.Errorf("sandbox: deleting what earlier runs left in %s: %w", dir, err)
	}
	return r, nil
}

func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = 180 * time.Second
	}
	if c.Idle <= 0 {
		c.Idle = 10 * time.Second
	}
	c.Clocks = c.Clocks.withDefaults()
	if c.Concurrency <= 0 {
		c.Concurrency = 2
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Ruleset names the behaviour rules in use.
func (r *Runner) Ruleset() string { return r.cfg.Judge.Ruleset() }

// Platforms lists what this machine can run.
func (r *Runner) Platforms() []image.Platform { return []image.Platform{image.Host()} }

// Run runs img and judges it. progress may be nil; it is called from Run's own
// goroutine, at each change of state.
//
// What the image cannot do (it names no program, is for a foreign CPU, is too
// large) is a report that says so, not an error. An error means that this
// machine could not do its part, or that the image's bytes are not what its
// digests say (*rootfs.LayerError). Nothing of the run is left then; otherwise
// the caller closes the Outcome.
func (r *Runner) Run(ctx context.Context, img v1.Image, req Request, progress func(protocol.RunState)) (out *Outcome, err error) {
	if err := r.offered(&req.Profile); err != nil {
		return nil, err
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.slots }()
	r.metrics.running.Inc()
	defer r.metrics.running.Dec()
	defer func() { r.metrics.ended(out) }()

	if req.ID == "" {
		req.ID = rand.Text()
	}
	dir, err := newFolder(filepath.Join(r.cfg.Dir, runsFolder))
	if err != nil {
		return nil, err
	}
	defer func() {
		if out == nil { // also while panicking
			if cleared := dir.remove(); cleared != nil {
				r.cfg.Logger.Error("a run's folder could not be deleted", "path", dir.path, "error", cleared)
			}
		}
	}()
	u := &run{runner: r, dir: dir, img: img, req: req, budget: budget{total: r.cfg.Timeout}, log: r.cfg.Logger.With("run", req.ID)}
	if t := req.Profile.Timeout; t > 0 {
		u.budget.total = t
	}
	u.progress = func(state string) {
		if progress != nil {
			progress(protocol.RunState{ID: req.ID, State: state, Limit: u.limit(state)})
		}
	}
	passes, err := u.conduct(ctx)
	if err != nil {
		return nil, err
	}
	all, err := judge.Together(ctx, passes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.Reference, err)
	}
	rep := judge.Report(passes, all, judge.Meta{ID: req.ID, Version: r.cfg.Version, Runtime: runtimeVersion()})
	return &Outcome{Report: rep, Passes: passes, dir: dir}, nil
}

// Judge concludes from the passes of an earlier run, of which there is at least
// one, by the rules of now. Nothing is run. The report's scan_id is empty.
func (r *Runner) Judge(ctx context.Context, seen []*observation.Observation) (*report.Report, []judge.Fault, error) {
	var passes []judge.Pass
	for again := true; again; again = !sameRules(passes) {
		passes = nil
		for _, o := range seen {
			j, err := r.cfg.Judge.Judge(ctx, o)
			if err != nil {
				return nil, nil, fmt.Errorf("judging %s: %w", o.Image.Reference, err)
			}
			passes = append(passes, judge.Pass{Observation: o, Judgement: j})
		}
	}
	all, err := judge.Together(ctx, passes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", seen[0].Image.Reference, err)
	}
	rep := judge.Report(passes, all, judge.Meta{Version: r.cfg.Version, Runtime: runtimeVersion()})
	return rep, append(slices.Clone(all.LeftOut), all.Faults...), nil
}

// sweep deletes what crashed processes left. Runs of processes that live are
// not touched.
func (r *Runner) sweep() error {
	if err := os.MkdirAll(r.cfg.Dir, 0o700); err != nil {
		return err
	}
	return errors.Join(
		runtime.Sweep(filepath.Join(r.cfg.Dir, boxesFolder)),
		sweepFolders(filepath.Join(r.cfg.Dir, runsFolder)),
	)
}
