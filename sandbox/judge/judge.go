package judge

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Config is what a Judge can be told. The zero value judges by the built-in rules.
type Config struct {
	Extra   []fs.FS       // folders of authors' rules, beside the built-in ones
	Timeout time.Duration // for one author's rule, and for all built-in ones together; default 20 s
	Logger  *slog.Logger
}

// Judge holds the compiled rules. It is safe for concurrent use.
type Judge struct{}

// New compiles the rules. A broken rule of an author is logged, listed by
// Faults, and left out; the error is for a broken built-in one.
func New(cfg Config) (*Judge, error) { return nil, errors.ErrUnsupported }

// Ruleset names the rules in force by version and hash.
func (j *Judge) Ruleset() string { return "" }

// Faults lists the authors' rules that were left out, and why.
func (j *Judge) Faults() []Fault { return nil }

// List describes the rules in force, by category and slug.
func (j *Judge) List() []Behaviour { return nil }

// Judge concludes from what was seen. The error is ctx's, or tells that the
// built-in rules could not be evaluated; the observation is then not judged.
func (j *Judge) Judge(ctx context.Context, o *observation.Observation) (Judgement, error) {
	return Judgement{}, errors.ErrUnsupported
}

// Judgement is what the rules make of an observation.
type Judgement struct {
	Findings  []report.Finding
	Verdict   report.Conclusion
	Malicious bool
	Severity  report.Severity // highest of the findings
	Score     int             // 0 to 100
	Reason    string          // why this verdict, one line
	Ruleset   string
	Faults    []Fault // authors' rules that failed on this observation
}

// Fault is a rule that could not be used.
type Fault struct {
	Rule string // file, or slug
	Err  error
}

// Behaviour describes one rule.
type Behaviour struct {
	Slug        string          `json:"slug"`
	Category    report.Category `json:"category"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Severity    report.Severity `json:"severity"`
	Attack      []report.Attack `json:"attack"`
	Remediation string          `json:"remediation"`
	Source      string          `json:"source"` // file; "built in" ones begin with "behaviours/"
}

// Meta is what a report tells beside observation and judgement.
type Meta struct {
	ID      string // scan_id
	Version string // of this program
	Runtime string // of gVisor
}

// Report is the document of a run: every section of it, from o and j.
func Report(o *observation.Observation, j Judgement, m Meta) *report.Report { return nil }

// Test runs the _test.rego files of an author's folder, with the built-in
// library and fixtures at hand, and prints the results. The error wraps
// ErrTestsFailed when a test failed; otherwise the folder could not be loaded.
func Test(ctx context.Context, fsys fs.FS, w io.Writer, verbose bool) error {
	return errors.ErrUnsupported
}

// ErrTestsFailed tells that tests ran and some did not pass.
var ErrTestsFailed = errors.New("behaviour tests failed")
