package policies

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// statement is one element of a package's sets deny, warn, skip or pending.
type statement struct {
	control string
	msg     string
	facts   map[string]any
}

// statements are all that one policy says about one image, by set and control.
type statements map[string]map[string][]statement

func (s statements) add(set string, st statement) {
	if s[set] == nil {
		s[set] = map[string][]statement{}
	}
	s[set][st.control] = append(s[set][st.control], st)
}

// with is s and more, and leaves s as it is.
func (s statements) with(more statements) statements {
	all := statements{}
	for _, part := range []statements{s, more} {
		for set, byControl := range part {
			for _, found := range byControl {
				for _, st := range found {
					all.add(set, st)
				}
			}
		}
	}
	return all
}

// readStatements reads the sets that a query bound.
func readStatements(bindings map[ast.Var]*ast.Term) (statements, error) {
	all := statements{}
	for name, term := range bindings {
		elements, ok := term.Value.(ast.Set)
		if !ok {
			return nil, fmt.Errorf("%s is not a set", name)
		}
		err := elements.Iter(func(e *ast.Term) error {
			st, err := readStatement(e.Value)
			if err == nil {
				all.add(string(name), st)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func readStatement(e ast.Value) (statement, error) {
	plain, err := ast.JSON(e)
	if err != nil {
		return statement{}, err
	}
	object, _ := plain.(map[string]any)
	st := statement{}
	st.control, _ = object["control"].(string)
	st.msg, _ = object["msg"].(string)
	st.facts, _ = object["facts"].(map[string]any)
	if st.control == "" || st.msg == "" {
		return statement{}, fmt.Errorf("%v lacks control or msg", e)
	}
	for name, v := range st.facts {
		st.facts[name] = plainNumber(v)
	}
	return st, nil
}

// plainNumber turns Rego's numbers into Go's.
func plainNumber(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64()
	return f
}

// check is an unjudged check of control.
func (p *policy) check(control string) Check {
	return Check{PolicyID: p.doc.ID, PolicyName: p.doc.Name, Control: control}
}

// checksOf turns what the package said into one check per enabled control.
// exempt outweighs deny, deny pending, pending skip, skip warn; silence means passed.
func (p *policy) checksOf(said statements) []Check {
	checks := make([]Check, 0, len(p.pkg.Controls))
	for _, control := range p.pkg.Controls {
		c := p.check(control)
		for _, set := range []string{"exempt", "deny", "pending", "skip", "warn"} {
			found := said[set][control]
			if set == "exempt" && control != "allowed_images" {
				found = slices.Concat(found, said[set]["*"])
			}
			if len(found) == 0 {
				continue
			}
			c.fill(found)
			switch set {
			case "exempt":
				c.Exempt, c.Skipped, c.SkippedReason = true, true, c.Message
			case "deny":
				c.Failed = true
			case "pending":
				c.Pending = true
			case "skip":
				c.Skipped, c.SkippedReason = true, c.Message
			case "warn":
				c.Warning = true
			}
			break
		}
		checks = append(checks, c)
	}
	return checks
}

// fill takes over messages and facts, in an order that does not depend on the evaluation.
func (c *Check) fill(found []statement) {
	slices.SortFunc(found, func(a, b statement) int { return cmp.Compare(a.msg, b.msg) })
	messages := make([]string, 0, len(found))
	for _, st := range found {
		if !slices.Contains(messages, st.msg) {
			messages = append(messages, st.msg)
		}
		for name, v := range st.facts {
			if c.Facts == nil {
				c.Facts = map[string]any{}
			}
			c.Facts[name] = v
		}
	}
	c.Message = strings.Join(messages, "; ")
}

// add combines the checks of one policy into the result.
func (r *Result) add(p *policy, checks []Check, now time.Time) {
	blocks := p.blocks(now)
	failure := Failure{PolicyID: p.doc.ID, PolicyName: p.doc.Name, Blocking: blocks}
	for i := range checks {
		c := &checks[i]
		switch {
		case c.Failed:
			c.Blocking = blocks
			c.Message = p.advise(c.Message)
			failure.Controls = append(failure.Controls, c.Control)
		case c.Pending:
			r.Pending = stricter(r.Pending, p.pending(blocks))
		}
		r.NeedsDTA = r.NeedsDTA || c.Control == "dta" && !c.Exempt
	}
	r.Checks = append(r.Checks, checks...)
	if len(failure.Controls) == 0 {
		return
	}
	r.Failures = append(r.Failures, failure)
	r.Disallowed = r.Disallowed || blocks
	r.Block = r.Disallowed
	r.FailCICD = r.FailCICD || p.doc.FailCICD
	r.Audit = r.Audit || p.doc.AuditOnFailure
}

// advise adds to a failure what the policy says to those whom it meets.
func (p *policy) advise(message string) string {
	if e := p.doc.Sallyport; e != nil && e.Message != "" {
		message += " — " + e.Message
	}
	if s := p.doc.PolicySettings; s.Warn && s.WarningMessage != "" {
		message += " — " + s.WarningMessage
	}
	return message
}

// pending is what p does while it waits. A policy that would not block a
// failure has no reason to hold anybody.
func (p *policy) pending(blocks bool) Pending {
	if !blocks {
		return PendingAllow
	}
	return Pending(p.doc.PendingMode())
}

func stricter(a, b Pending) Pending {
	order := []Pending{"", PendingAllow, PendingHold, PendingBlock}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
