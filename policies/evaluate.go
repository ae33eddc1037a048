package policies

import (
	"context"
	"fmt"

	"github.com/sallyport-dev/sallyport/policies/document"
)

// Evaluate judges an image by every policy whose scope includes it; all of
// them run, so that people see every failure.
//
// A policy that cannot be evaluated fails, is named in Result.Faults and
// leaves the others alone. The error is not nil only when ctx ends or the
// input cannot be represented.
func (s *Set) Evaluate(ctx context.Context, in *Input) (Result, error) {
	facts, err := s.Prepare(in)
	if err != nil {
		return Result{}, err
	}
	return s.Judge(ctx, facts)
}

// Judge is Evaluate with an input that was prepared before, for those who ask
// several times about the same image.
func (s *Set) Judge(ctx context.Context, f *Facts) (Result, error) {
	r := Result{Generation: s.generation, Applicable: []string{}, Checks: []Check{}, Failures: []Failure{}, Acknowledged: f.acknowledged}
	var err error
	asked := answers{}
	s.index.Match(&f.subject, func(i int, included, undecided bool) bool {
		p := s.active[i]
		if undecided {
			r.Undecided = append(r.Undecided, p.doc.Name)
		}
		if !included {
			return true
		}
		r.Applicable = append(r.Applicable, p.doc.Name)
		checks, faulty := s.run(ctx, p, f, asked)
		if ctx.Err() != nil {
			err = fmt.Errorf("judging by policy %q: %w", p.doc.Name, context.Cause(ctx))
			return false
		}
		if faulty {
			r.Faults = append(r.Faults, p.doc.Name)
		}
		r.add(p, checks, f.now)
		r.Until = earlier(r.Until, p.until(f))
		return true
	})
	if err != nil {
		return Result{}, err
	}
	for _, a := range f.acknowledged {
		r.Until = earlier(r.Until, a.Expires)
	}
	return r, nil
}

// answers are what rulesets say about one image. Policies that share one, and
// differ in scope or actions, ask it once.
type answers map[*ruleset]statements

// of asks r. The generated rules have no loop but over the facts, so that only
// the request bounds them: a deadline of their own would deny images on a
// machine that is merely busy.
func (a answers) of(ctx context.Context, r *ruleset, f *Facts) (statements, error) {
	if said, ok := a[r]; ok {
		return said, nil
	}
	bindings, err := r.query.Eval(ctx, f.value)
	if err != nil {
		return nil, err
	}
	said, err := readStatements(bindings)
	if err == nil {
		a[r] = said
	}
	return said, err
}

// run evaluates one policy: its generated package, and its custom checks.
func (s *Set) run(ctx context.Context, p *policy, f *Facts, asked answers) (checks []Check, faulty bool) {
	said := statements{}
	if p.rules != nil {
		var err error
		if said, err = asked.of(ctx, p.rules, f); err != nil {
			return unevaluated(p, err), true
		}
	}
	if len(p.checks) > 0 {
		own, failed := s.statementsOf(ctx, p, f)
		said = said.with(own)
		faulty = failed
	}
	return p.checksOf(said), faulty
}

// unevaluated is what a policy says that could not be evaluated: everything
// failed, unless it says that faults open.
func unevaluated(p *policy, err error) []Check {
	checks := make([]Check, 0, len(p.pkg.Controls))
	for _, control := range p.pkg.Controls {
		c := p.check(control)
		c.Failed = p.doc.FaultMode() != document.FaultOpen
		c.Warning = !c.Failed
		c.Message = fmt.Sprintf("policy %q could not be evaluated (%v): tell its author", p.doc.Name, err)
		checks = append(checks, c)
	}
	return checks
}
