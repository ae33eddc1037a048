package sandbox

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Judge concludes from what was seen.
type Judge interface {
	// Judge fills in findings, verdict, severity, score and summary of r from o.
	Judge(ctx context.Context, o *observation.Observation, r *report.Report) error
	// Ruleset names the rules in use: a version and a hash.
	Ruleset() string
}

// Config is what a Runner needs. Dir and Judge are required.
type Config struct {
	Dir         string        // runs live below it, each in a folder of its own that goes with it
	Judge       Judge         //
	Timeout     time.Duration // wall time of a detonation unless the request says otherwise; default 180 s
	Idle        time.Duration // a guest that only waits for this long is done; default 10 s
	Concurrency int           // runs at a time, the others wait; default 2
	Version     string        // of this program, for the report
	Logger      *slog.Logger
	Metrics     prometheus.Registerer
	Now         func() time.Time
}

// Request says which image is run, and how. ID becomes the report's scan_id;
// empty makes one up.
type Request struct {
	ID        string
	Reference image.Reference // for the report
	Profile   protocol.Profile
}

// Runner runs images. It is safe for concurrent use.
type Runner struct{ cfg Config }

// New makes a Runner and deletes what an earlier process left below cfg.Dir.
func New(cfg Config) (*Runner, error) { return &Runner{cfg: cfg}, nil }

// Run runs img and judges it. progress may be nil; it is called from Run's own
// goroutine, at each change of state. What the image cannot do (no entrypoint,
// foreign CPU) is a report that says so, not an error; an error means that
// this machine could not do its part. The caller closes the Outcome.
func (r *Runner) Run(ctx context.Context, img v1.Image, req Request, progress func(protocol.RunState)) (*Outcome, error) {
	return nil, errors.ErrUnsupported
}

// Ruleset names the behaviour rules in use.
func (r *Runner) Ruleset() string { return r.cfg.Judge.Ruleset() }

// Platforms lists what this machine can run.
func (r *Runner) Platforms() []image.Platform { return []image.Platform{image.Host()} }

// Outcome is a finished run. Its artifacts last until Close.
type Outcome struct {
	Report      *report.Report
	Observation *observation.Observation // nil when nothing ran
}

// Artifact opens "events", "pcap" or "fs-diff". The error wraps fs.ErrNotExist
// for a name that this run does not have.
func (o *Outcome) Artifact(name string) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// Close deletes the last traces of the run.
func (o *Outcome) Close() error { return nil }
