package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

const (
	retrySoon  = 5 * time.Second  // the verdict is about to come
	retryLater = 15 * time.Second // it is queued or running
	control    = "dta"
)

// opinion is what came out for one image of the question.
type opinion struct {
	judged     Judged
	action     Action
	policy     string
	control    string
	finding    *verdict.Finding
	reason     string // in words, why not
	state      string // with Wait, or a Deny that waits
	retryAfter time.Duration
	permission string
	warnings   []string
	until      time.Time
	transient  bool
	gathering  <-chan struct{} // closed when facts that are missing have come
}

// judge lets the policies judge one image, under all names that it has.
func (a *asking) judge(ctx context.Context, l leaf, tags []string) (opinion, error) {
	o := opinion{action: Allow, judged: Judged{Digest: l.facts.Digest.String(), Platform: l.platform}}
	var own []string
	if l.facts.Digest != a.req.Reference.Digest { // whose tags these are
		var err error
		if own, err = a.gate.names.tags(ctx, a.req.Reference.WithDigest(l.facts.Digest)); err != nil {
			return o, err
		}
	}
	tags = union(tags, own)
	p, until, err := a.permission(ctx, l.lineage, tags)
	if err != nil {
		return o, err
	}
	o.until = until
	if p != nil {
		o.action, o.permission = p.Action, p.String()
		if p.Action == Allow {
			o.warnings = append(o.warnings, "not judged: "+o.permission)
		}
		return o, nil
	}
	in, known, err := a.input(ctx, &l, tags)
	if err != nil {
		return o, err
	}
	f := l.facts
	o.judged.Platform = l.platform
	if in.Acknowledged, err = a.gate.risks.about(ctx, in.Image, l.lineage); err != nil {
		return o, err
	}
	o.judged.Verdict = known
	found, gathering, err := a.find(ctx, l, in)
	if err != nil {
		return o, err
	}
	if in.Image.BaseImages, err = a.bases(ctx, found); err != nil {
		return o, err
	}
	result, err := a.evaluate(ctx, f, in, known, found)
	if err != nil {
		return o, err
	}
	if result.Pending != "" || result.NeedsDTA && retry(known, a.gate.cfg.Clock()) {
		state, err := a.enqueue(ctx, f, known)
		switch {
		case err != nil:
			a.gate.cfg.Log.WarnContext(ctx, "an image cannot be queued for analysis", "digest", f.Digest, "error", err)
			o.state = "not queued: the analysis queue is not available"
		case state.Phase == analysis.Off || state.Phase == analysis.Unsupported:
			o.state = state.String()
			if known == nil {
				in.DTA.Status, in.DTA.Reason = "skipped", state.Reason
				if result, err = a.evaluate(ctx, f, in, nil, found); err != nil {
					return o, err
				}
				// What the sandbox can run may change without a mark.
				o.transient, o.state = true, ""
			}
		default:
			o.state, o.retryAfter = state.String(), retryLater
			if state.Phase == analysis.Judging || state.Phase == analysis.Done {
				o.retryAfter = retrySoon
			}
		}
	}
	if gathering != nil {
		o.wait(gathering)
		return o, nil
	}
	o.judged.Result = result
	o.conclude(a.req.Pending)
	return o, nil
}

// wait puts off the conclusion until the facts that it takes have been
// gathered. What the policies say without them is not told: it would change.
func (o *opinion) wait(gathering <-chan struct{}) {
	o.judged.Result = policies.Result{Applicable: []string{}, Checks: []policies.Check{}, Failures: []policies.Failure{}}
	o.action, o.gathering, o.transient = Wait, gathering, true
	o.state, o.retryAfter = "its layers are being read", retrySoon
}

// conclude draws the action from the result. pending is what whoever asks wants
// for an image that waits, "" for what the policies say.
func (o *opinion) conclude(pending policies.Pending) {
	r := o.judged.Result
	o.transient = o.transient || len(r.Faults) > 0 || r.Pending != ""
	if !r.Until.IsZero() && (o.until.IsZero() || r.Until.Before(o.until)) {
		o.until = r.Until
	}
	for _, c := range r.Checks {
		switch {
		case c.Failed && c.Blocking && o.action != Deny:
			o.action, o.policy, o.control = Deny, c.PolicyName, c.Control
			o.reason = cmp.Or(c.Message, "failed")
			if c.Control == control {
				o.blame(c)
			}
		case c.Failed && !c.Blocking:
			o.warnings = append(o.warnings, fmt.Sprintf("policy %q, control %s failed, which does not block: %s", c.PolicyName, c.Control, c.Message))
		case c.Warning:
			o.warnings = append(o.warnings, fmt.Sprintf("policy %q, control %s: %s", c.PolicyName, c.Control, c.Message))
		}
	}
	if r.Disallowed && o.action != Deny {
		// Belt and braces: a result that disallows without a failed check that says why.
		o.action, o.reason = Deny, "a policy that blocks failed"
		if i := slices.IndexFunc(r.Failures, func(f policies.Failure) bool { return f.Blocking }); i >= 0 {
			o.policy = r.Failures[i].PolicyName
		}
	}
	if o.action == Deny || r.Pending == "" {
		return
	}
	if i := slices.IndexFunc(r.Checks, func(c policies.Check) bool { return c.Pending }); i >= 0 {
		o.policy, o.control = r.Checks[i].PolicyName, r.Checks[i].Control
	}
	if o.retryAfter == 0 {
		o.retryAfter = retryLater
	}
	switch cmp.Or(pending, r.Pending) {
	case policies.PendingAllow:
		o.warnings = append(o.warnings, fmt.Sprintf("policy %q, control %s: not analysed yet: %s", o.policy, o.control, o.state))
		o.policy, o.control, o.retryAfter, o.state = "", "", 0, ""
	case policies.PendingBlock:
		o.action, o.reason = Deny, "not analysed yet: "+o.state
	default:
		o.action = Wait
	}
}

// blame names the finding that a failed control of dynamic analysis is about.
func (o *opinion) blame(c policies.Check) {
	if v := o.judged.Verdict; v != nil && len(v.Findings) > 0 {
		f := v.Findings[0] // the worst
		o.finding = &f
		o.reason = fmt.Sprintf("%s — %s: %s", v.Conclusion, f.Slug, f.Message)
	}
}

// input is the facts document about the image, and its verdict, nil when there
// is none. Of an image of which only the manifest was read it fetches the
// configuration if the policies read what is in it.
func (a *asking) input(ctx context.Context, l *leaf, tags []string) (*policies.Input, *verdict.Verdict, error) {
	if l.facts.Config != nil {
		return a.document(ctx, *l, tags)
	}
	bare := *l
	bare.facts.Config = &inspect.Config{Platform: l.platform}
	in, known, err := a.document(ctx, bare, tags)
	if err != nil || !a.policies.ReadsContent(in, a.findable()) {
		*l = bare
		return in, known, err
	}
	facts, err := a.gate.cfg.Inspector.Facts(ctx, a.req.Reference.WithDigest(l.facts.Digest))
	if err != nil {
		return nil, nil, err
	}
	if facts.Config == nil {
		return nil, nil, fmt.Errorf("%w: %s is an image by its manifest and none by its configuration", inspect.ErrInvalid, facts.Digest)
	}
	*l = newLeaf(facts, l.lineage, l.platform)
	return a.document(ctx, *l, tags)
}

// document writes what is known of the image, and its verdict.
func (a *asking) document(ctx context.Context, l leaf, tags []string) (*policies.Input, *verdict.Verdict, error) {
	ref, f := a.req.Reference, l.facts
	which := slices.Clone(tags)
	for _, d := range l.lineage {
		which = append(which, d.String())
	}
	labels, err := a.gate.cfg.Labels.For(ctx, ref, which...)
	if err != nil {
		return nil, nil, err
	}
	known, dta, err := a.dta(ctx, f.Digest)
	if err != nil {
		return nil, nil, err
	}
	in := &policies.Input{
		Now: a.gate.cfg.Clock().UTC(),
		Image: policies.Image{
			Registry: ref.Registry, Repository: ref.Repository, Tags: tags, Digest: f.Digest.String(),
			OS: f.Config.Platform.OS, Architecture: f.Config.Platform.Architecture, Variant: f.Config.Platform.Variant,
			Size: f.Config.Size, Created: f.Config.Created, Author: f.Config.Author, User: f.Config.User,
			Labels: f.Config.Labels, AquaLabels: labels, Entrypoint: f.Config.Entrypoint, Cmd: f.Config.Cmd,
			Env: f.Config.Env, WorkingDir: f.Config.WorkingDir, Ports: f.Config.Ports, Volumes: f.Config.Volumes,
		},
		DTA:     dta,
		Context: a.req.Context,
	}
	for _, layer := range f.Config.Layers {
		in.Image.Layers = append(in.Image.Layers, layer.DiffID.String())
	}
	for _, step := range f.Config.History {
		in.Image.History = append(in.Image.History, policies.Step(step))
	}
	return in, known, nil
}

// dta is the verdict of d as rules read it.
func (a *asking) dta(ctx context.Context, d digest.Digest) (*verdict.Verdict, policies.DTA, error) {
	v, err := a.gate.cfg.Verdicts.Get(ctx, d)
	if errors.Is(err, verdict.ErrNone) {
		return nil, policies.DTA{Status: "none", Findings: []policies.DTAFinding{}}, nil
	}
	if err != nil {
		return nil, policies.DTA{}, err
	}
	dta := policies.DTA{
		Status: "done", Verdict: v.Conclusion, Malicious: v.Conclusion == report.Malicious, Severity: v.Severity, Time: v.Time, Reason: v.Reason,
		Findings: make([]policies.DTAFinding, 0, len(v.Findings)),
	}
	if v.Conclusion == report.Skipped {
		dta.Status = "skipped"
	}
	for _, f := range v.Findings {
		dta.Findings = append(dta.Findings, policies.DTAFinding(f))
	}
	return &v, dta, nil
}

// retry tells whether v says that nothing could be found out, and that it is
// time to try again. The image is judged by what is known meanwhile.
func retry(v *verdict.Verdict, now time.Time) bool {
	return v != nil && !v.RetryAt.IsZero() && !now.Before(v.RetryAt)
}

// queueTimeout bounds putting an image into the queue.
const queueTimeout = 3 * time.Second

func (a *asking) enqueue(ctx context.Context, f inspect.Facts, known *verdict.Verdict) (analysis.State, error) {
	job := analysis.Job{
		Reference: a.req.Reference.WithDigest(f.Digest),
		Platform:  f.Config.Platform,
		Subject:   verdict.Subject{Digest: f.Digest, MediaType: f.MediaType, Size: f.Size},
		Look:      a.req.DryRun,
	}
	if known != nil {
		// Too old for some policy, or inconclusive for long enough: another one is
		// wanted.
		job.Asked = known.Time.Add(1)
	}
	// Whoever asks may have little time left, or be gone: what they wanted to
	// know is worth finding out all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
	defer cancel()
	return a.gate.cfg.Queue.Enqueue(ctx, job)
}

// evaluate asks the policies, unless they were asked the very same before.
func (a *asking) evaluate(ctx context.Context, f inspect.Facts, in *policies.Input, known *verdict.Verdict, found inspect.Knowledge) (policies.Result, error) {
	key := resultKey(a.policies, f, in, known, found)
	if r, ok := a.gate.results.get(ctx, key, !a.degraded); ok {
		return r, nil
	}
	whole := *in
	fill(&whole, found)
	r, err := a.policies.Evaluate(ctx, &whole)
	if err != nil {
		return r, err
	}
	if len(r.Faults) == 0 && found.Gathered {
		a.gate.results.put(ctx, key, r, !a.degraded)
	}
	return r, nil
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
