package policies

import (
	"context"
	"fmt"
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
	for _, p := range s.active {
		included, undecided := p.matcher.Match(&f.subject)
		if undecided {
			r.Undecided = append(r.Undecided, p.doc.Name)
		}
		if !included {
			continue
		}
		r.Applicable = append(r.Applicable, p.doc.Name)
		checks, faulty := s.run(ctx, p, f)
		if ctx.Err() != nil {
			return Result{}, fmt.Errorf("judging by policy %q: %w", p.doc.Name, context.Cause(ctx))
		}
		if faulty {
			r.Faults = append(r.Faults, p.doc.Name)
		}
		r.add(p, checks, f.now)
		r.Until = earlier(r.Until, p.until(f))
	}
	for _, a := range f.acknowledged {
		r.Until = earlier(r.Until, a.Expires)
	}
	return r, nil
}

// run evaluates one policy: its generated package, and its custom checks. The
// generated one has no loop but over the facts, so that only the request bounds
// it: a deadline of its own would deny images on a machine that is merely busy.
func (s *Set) run(ctx context.Context, p *policy, f *Facts) (checks []Check, faulty bool) {
	said := statements{}
	if p.rules != nil {
		bindings, err := p.rules.query.Eval(ctx, f.value)
		if err == nil {
			said, err = readStatements(bindings)
		}
		if err != nil {
			return unevaluated(p, err), true
		}
	}
	if len(p.checks) > 0 {
		own, failed := s.statementsOf(ctx, p, f)
		for set, byControl := range own {
			for _, all := range byControl {
				for _, st := range all {
					said.add(set, st)
				}
			}
		}
		faulty = failed
	}
	return p.checksOf(said), faulty
}

// unevaluated is what a policy says that could not be evaluated: everything failed.
func unevaluated(p *policy, err error) []Check {
	checks := make([]Check, 0, len(p.pkg.Controls))
	for _, control := range p.pkg.Controls {
		c := p.check(control)
		c.Failed = true
		c.Message = fmt.Sprintf("policy %q could not be evaluated (%v): tell its author", p.doc.Name, err)
		checks = append(checks, c)
	}
	return checks
}
