package analysis

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/verdict"
)

// ReplayOutcome is what became of one verdict.
type ReplayOutcome string

// The outcomes.
const (
	ReplayRaised     ReplayOutcome = "raised"     // worse than before
	ReplayLowered    ReplayOutcome = "lowered"    // milder
	ReplayChanged    ReplayOutcome = "changed"    // the conclusion stays, findings do not
	ReplaySame       ReplayOutcome = "same"       // nothing changes but the name of the rules
	ReplayKept       ReplayOutcome = "kept"       // would be milder, but rules took no part: the verdict stays
	ReplayMissing    ReplayOutcome = "missing"    // no observation was kept of the run
	ReplayUnreadable ReplayOutcome = "unreadable" // the sandbox cannot read the observation
	ReplayFailed     ReplayOutcome = "failed"     // it could not be judged
)

// Replayed is one verdict judged again.
type Replayed struct {
	Outcome ReplayOutcome  `json:"outcome"`
	Digest  digest.Digest  `json:"digest"` // of the platform manifest
	Image   string         `json:"image,omitempty"`
	Run     time.Time      `json:"run"` // when its report became known
	Before  ReplayedResult `json:"before"`
	After   ReplayedResult `json:"after"` // zero where nothing was judged
	Added   []string       `json:"added"` // slugs of behaviours
	Removed []string       `json:"removed"`
	Reason  string         `json:"reason,omitempty"` // of kept, missing, unreadable and failed
}

// ReplayedResult is a side of a Replayed.
type ReplayedResult struct {
	Conclusion report.Conclusion `json:"conclusion,omitempty"`
	Severity   report.Severity   `json:"severity,omitempty"`
	Ruleset    string            `json:"ruleset,omitempty"`
}

// ReplaySummary counts.
type ReplaySummary struct {
	Ruleset string `json:"ruleset"`         // of the sandbox, now
	Version string `json:"ruleset_version"` // of the sandbox
	DryRun  bool   `json:"dry_run,omitempty"`

	Raised     int `json:"raised"`
	Lowered    int `json:"lowered"`
	Changed    int `json:"changed"`
	Same       int `json:"same"`
	Kept       int `json:"kept"`
	Missing    int `json:"missing"`
	Unreadable int `json:"unreadable"`
	Failed     int `json:"failed"`
	Current    int `json:"current"` // these rules judged them already
	NotRun     int `json:"not_run"` // there is nothing to judge
}

func (s *ReplaySummary) count(o ReplayOutcome) {
	*map[ReplayOutcome]*int{
		ReplayRaised: &s.Raised, ReplayLowered: &s.Lowered, ReplayChanged: &s.Changed, ReplaySame: &s.Same,
		ReplayKept: &s.Kept, ReplayMissing: &s.Missing, ReplayUnreadable: &s.Unreadable, ReplayFailed: &s.Failed,
	}[o]++
}

// done is how many were looked at.
func (s *ReplaySummary) done() int {
	return s.Raised + s.Lowered + s.Changed + s.Same + s.Kept + s.Missing + s.Unreadable + s.Failed
}

// one judges the run behind v again. The error is for what concerns all.
func (p *replay) one(ctx context.Context, v verdict.Verdict) (Replayed, error) {
	one := Replayed{
		Digest: v.Digest, Run: v.Time, Before: ReplayedResult{v.Conclusion, v.Severity, v.Ruleset}, Added: []string{}, Removed: []string{},
	}
	as := func(o ReplayOutcome, reason string) (Replayed, error) {
		one.Outcome, one.Reason = o, reason
		return one, ctx.Err()
	}
	store := p.replayer.cfg.Verdicts
	was, err := p.report(ctx, v)
	if err != nil {
		return as(ReplayFailed, endpoint.Line(err.Error()))
	}
	one.Image = cmp.Or(v.Subject.Name, report.Escape(was.Image.Reference))
	packed, err := store.Observations(ctx, v)
	if errors.Is(err, verdict.ErrNone) {
		return as(ReplayMissing, "no observation was kept of the run: run the image again")
	}
	if err != nil {
		return as(ReplayFailed, endpoint.Line(err.Error()))
	}
	j, err := p.judge(ctx, packed)
	switch {
	case errors.Is(err, endpoint.ErrRefused):
		return as(ReplayUnreadable, endpoint.Line(err.Error()))
	case errors.Is(err, errPoisoned), errors.Is(err, endpoint.ErrAnswer):
		return as(ReplayFailed, endpoint.Line(err.Error()))
	case err != nil:
		return one, err
	}
	now, err := report.Decode(bytes.NewReader(j.Report))
	if err == nil && now.Image.Digest != was.Image.Digest {
		err = fmt.Errorf("%w: %q", verdict.ErrSubject, now.Image.Digest)
	}
	if err != nil {
		return as(ReplayFailed, endpoint.Line(err.Error()))
	}
	raw, err := json.Marshal(combine(was, now))
	if err != nil {
		return as(ReplayFailed, err.Error())
	}
	next := verdict.FromReport(now, v.Subject, "", v.Time)
	one.After = ReplayedResult{next.Conclusion, next.Severity, next.Ruleset}
	one.Added, one.Removed = differences(v.Findings, next.Findings)
	one.Outcome = compare(v, next, one)
	if one.Outcome == ReplayLowered && len(j.Faults) > 0 {
		return as(ReplayKept, "it would be milder, but these rules took no part: "+endpoint.Line(strings.Join(j.Faults, "; ")))
	}
	if p.options.DryRun {
		return one, nil
	}
	in, err := store.Rejudge(ctx, v, raw)
	switch {
	case err == nil && one.Outcome != ReplaySame && p.replayer.cfg.Concluded != nil:
		p.replayer.cfg.Concluded(ctx, in, raw)
	case errors.Is(err, verdict.ErrSuperseded):
		return as(ReplayFailed, "it was run again meanwhile")
	case errors.Is(err, report.ErrInvalid):
		return as(ReplayFailed, endpoint.Line(err.Error()))
	}
	return one, err
}

func (p *replay) report(ctx context.Context, v verdict.Verdict) (*report.Report, error) {
	raw, err := p.replayer.cfg.Verdicts.ReportOf(ctx, v)
	if err != nil {
		return nil, err
	}
	return report.Decode(bytes.NewReader(raw))
}

// combine is what other rules make of a run, as a report about that run.
func combine(was, now *report.Report) *report.Report {
	r := *now
	r.ID, r.Tool.Runtime, r.Image = was.ID, was.Tool.Runtime, was.Image
	return &r
}

// differences are the slugs that only one of two verdicts has.
func differences(before, after []verdict.Finding) (added, removed []string) {
	slugs := func(list []verdict.Finding) []string {
		all := []string{}
		for _, f := range list {
			all = append(all, f.Slug)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	a, b := slugs(before), slugs(after)
	return slices.DeleteFunc(slices.Clone(b), func(s string) bool { return slices.Contains(a, s) }),
		slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// grave orders conclusions by what they mean for who wants to run the image.
var grave = map[report.Conclusion]int{report.Clean: 1, report.Inconclusive: 2, report.Suspicious: 3, report.Malicious: 4}

func compare(before, after verdict.Verdict, one Replayed) ReplayOutcome {
	difference := grave[after.Conclusion] - grave[before.Conclusion]
	if difference == 0 {
		difference = after.Severity.Rank() - before.Severity.Rank()
	}
	switch {
	case difference > 0:
		return ReplayRaised
	case difference < 0:
		return ReplayLowered
	case len(one.Added)+len(one.Removed) > 0:
		return ReplayChanged
	}
	return ReplaySame
}

// errPoisoned is of an observation after which the sandbox did not answer any
// more, though it does now.
var errPoisoned = errors.New("the sandbox does not survive judging it")

// judge asks the sandbox, with patience: it may be busy, or about to be replaced.
func (p *replay) judge(ctx context.Context, packed []byte) (protocol.Judgement, error) {
	const tries = 6
	pause := p.replayer.cfg.back
	for try := 1; ; try++ {
		j, err := p.client.Judge(ctx, packed)
		switch {
		case err == nil, ctx.Err() != nil:
			return j, errors.Join(err, ctx.Err())
		case errors.Is(err, endpoint.ErrNotFound):
			return j, fmt.Errorf("the sandbox service cannot judge again: bring it to the version of this gate: %w", err)
		case !errors.Is(err, endpoint.ErrBusy) && !errors.Is(err, endpoint.ErrUnreachable):
			return j, err
		case try == tries:
			if _, alive := p.client.License(ctx); alive == nil && errors.Is(err, endpoint.ErrUnreachable) {
				return j, fmt.Errorf("%w: %w", errPoisoned, err)
			}
			return j, err
		}
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}
