package judge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/behaviours"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Config is what a Judge can be told. The zero value judges by the built-in rules.
type Config struct {
	Extra   []fs.FS       // folders of authors' rules, beside the built-in ones
	Missing []Fault       // of rules that should be among Extra, and could not be had
	Timeout time.Duration // for one author's rule, and for all built-in ones together; default 20 s
	Logger  *slog.Logger
}

// Judge holds the compiled rules. It is safe for concurrent use.
type Judge struct {
	timeout time.Duration
	log     *slog.Logger
	builtIn *ruleset
	extra   []*ruleset             // one per behaviour: what one does, the others do not feel
	verdict rego.PreparedEvalQuery // on a pass
	faults  []Fault
	hash    string
}

// Fault is a rule that could not be used.
type Fault struct {
	Rule string // file, or category/slug
	Err  error
}

func (f Fault) Error() string { return f.Rule + ": " + f.Err.Error() }

// New compiles the rules. A broken rule of an author is logged, listed by
// Faults, and left out; the error is for a broken built-in one.
func New(cfg Config) (*Judge, error) {
	j := &Judge{timeout: cfg.Timeout, log: cfg.Logger, faults: slices.Clone(cfg.Missing)}
	if j.timeout <= 0 {
		j.timeout = 20 * time.Second
	}
	if j.log == nil {
		j.log = slog.Default()
	}
	own, err := compileBuiltIn()
	if err != nil {
		return nil, err
	}
	base := own.source
	j.builtIn, j.verdict = own.rules, own.verdict
	sum := newSum()
	sum.add(base.files)
	for _, fsys := range cfg.Extra {
		rules, used, faults := compileExtra(base, fsys)
		j.extra = append(j.extra, rules...)
		j.faults = append(j.faults, faults...)
		sum.add(used)
	}
	j.dropDoubles()
	for _, f := range j.faults {
		j.log.Error("behaviour rule left out", "rule", f.Rule, "error", f.Err)
	}
	j.hash = sum.String()
	return j, nil
}

// builtInRules is the rules that this program holds, compiled.
type builtInRules struct {
	source   *source
	rules    *ruleset
	verdict  rego.PreparedEvalQuery // on a pass
	together rego.PreparedEvalQuery // on an image, from those
}

// compileBuiltIn does so once: what is embedded is the same for every Judge.
var compileBuiltIn = sync.OnceValues(func() (b builtInRules, err error) {
	if b.source, err = load(behaviours.FS, builtIn); err != nil {
		return b, fmt.Errorf("built-in behaviour rules: %w", err)
	}
	if b.rules, err = b.source.compile(b.source.shared, b.source.rules...); err != nil {
		return b, fmt.Errorf("built-in behaviour rules: %w", err)
	}
	if b.verdict, err = b.rules.prepare("data.sallyport.verdict.result"); err != nil {
		return b, fmt.Errorf("built-in logic of the verdict: %w", err)
	}
	if b.together, err = b.rules.prepare("data.sallyport.verdict.image.result"); err != nil {
		return b, fmt.Errorf("built-in logic of the verdict over passes: %w", err)
	}
	return b, nil
})

// dropDoubles leaves out an author's rule whose name another one has.
func (j *Judge) dropDoubles() {
	seen := map[string]string{}
	kept := j.extra[:0]
	for _, r := range j.extra {
		b := r.behaviours[0]
		if first, ok := seen[b.key()]; ok {
			j.faults = append(j.faults, Fault{b.Source, fmt.Errorf("the behaviour %s is defined in %s already", b.key(), first)})
			continue
		}
		seen[b.key()] = b.Source
		kept = append(kept, r)
	}
	j.extra = kept
}

// Ruleset is the hash of all rules and lists in force, as "sha256:…".
func (j *Judge) Ruleset() string { return j.hash }

// Faults lists the authors' rules that were left out, and why.
func (j *Judge) Faults() []Fault { return append([]Fault(nil), j.faults...) }

// List describes the rules in force, by category and slug.
func (j *Judge) List() []Behaviour {
	list := append([]Behaviour(nil), j.builtIn.behaviours...)
	for _, r := range j.extra {
		list = append(list, r.behaviours...)
	}
	order := map[report.Category]int{}
	for i, c := range report.Categories() {
		order[c] = i
	}
	sort.Slice(list, func(a, b int) bool {
		if list[a].Category != list[b].Category {
			return order[list[a].Category] < order[list[b].Category]
		}
		return list[a].Slug < list[b].Slug
	})
	return list
}

// Judgement is what the rules make of an observation.
type Judgement struct {
	Findings  []report.Finding // worst first
	Verdict   report.Conclusion
	Malicious bool
	Severity  report.Severity // highest of the findings; empty without findings
	Score     int             // 0 to 100
	Reason    string          // why this verdict, one line
	Ruleset   string
	Faults    []Fault // rules that failed on this observation
	LeftOut   []Fault // authors' rules that could not be used at all

	signals []signal // of Findings, as Together adds them up
}

// Judge concludes from what was seen. A rule that fails is left out and told
// in Faults; if it is a built-in one, its absence makes a clean run
// inconclusive. The error is ctx's, or tells that nothing could be judged.
func (j *Judge) Judge(ctx context.Context, o *observation.Observation) (Judgement, error) {
	input, err := value(o)
	if err != nil {
		return Judgement{}, fmt.Errorf("judging: %w", err)
	}
	result := Judgement{Ruleset: j.hash, LeftOut: j.Faults()}
	found := newCollection(o)
	unjudged := []string{}
	for b, err := range j.builtIn.findings(ctx, j.timeout, input, found) {
		result.Faults = append(result.Faults, Fault{b.key(), err})
		unjudged = append(unjudged, b.Slug)
	}
	for _, r := range j.extra {
		for b, err := range r.findings(ctx, j.timeout, input, found) {
			result.Faults = append(result.Faults, Fault{b.Source, err})
		}
	}
	if err := ctx.Err(); err != nil {
		return Judgement{}, fmt.Errorf("judging: %w", err)
	}
	for _, f := range result.Faults {
		j.log.Warn("behaviour rule failed", "rule", f.Rule, "error", f.Err)
	}
	result.Findings, result.signals = found.merged(), found.signals()
	if err := j.conclude(ctx, o, found, unjudged, &result); err != nil {
		return Judgement{}, fmt.Errorf("judging: %w", err)
	}
	return result, nil
}

// conclude asks the verdict's logic.
func (j *Judge) conclude(ctx context.Context, o *observation.Observation, found *collection, unjudged []string, into *Judgement) error {
	return into.conclude(ctx, j.verdict, map[string]any{"findings": found.forVerdict(), "run": o.Run, "unjudged": unjudged})
}

// conclude fills in what the verdict's logic makes of v.
func (j *Judgement) conclude(ctx context.Context, logic rego.PreparedEvalQuery, v any) error {
	input, err := value(v)
	if err != nil {
		return err
	}
	rs, err := logic.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return fmt.Errorf("the logic of the verdict: %w", err)
	}
	if len(rs) != 1 {
		return errors.New("the logic of the verdict says nothing")
	}
	var answer struct {
		Verdict   report.Conclusion `json:"verdict"`
		Malicious bool              `json:"malicious"`
		Severity  report.Severity   `json:"severity"`
		Score     int               `json:"score"`
		Reason    string            `json:"reason"`
	}
	if err := decode(rs[0].Expressions[0].Value, &answer); err != nil {
		return fmt.Errorf("the logic of the verdict: %w", err)
	}
	j.Verdict, j.Malicious, j.Severity, j.Score, j.Reason = answer.Verdict, answer.Malicious, answer.Severity, answer.Score, answer.Reason
	return nil
}
