package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/custom"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/schema"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// customCheck is one custom check of a policy.
type customCheck struct {
	name   string
	check  *custom.Check
	reason string // why it is skipped, when check is nil
}

// checkFiles are, for each custom check of a document, the files that it is
// made of, by name.
type checkFiles []map[string][]byte

// filesOf reads the files of the custom checks of d.
func filesOf(d Document) (checkFiles, error) {
	if !d.CustomChecksEnabled {
		return nil, nil
	}
	all := make(checkFiles, len(d.CustomChecks))
	for i, c := range d.CustomChecks {
		switch {
		case !isRego(c):
		case strings.TrimSpace(c.Snippet) != "":
			all[i] = map[string][]byte{checkName(c, i) + ".rego": []byte(withPackage(c.Snippet, i))}
		case c.Path == "":
			return nil, fmt.Errorf("custom check %q has neither a snippet nor a path", checkName(c, i))
		case d.Files == nil:
			return nil, fmt.Errorf("custom check %q has the path %s, but this policy comes from no folder: give the gate the whole folder (policies.dir) or a bundle of it (sallyport policy bundle), or put the Rego into snippet", checkName(c, i), c.Path)
		default:
			var err error
			if all[i], err = custom.Files(d.Files, c.Path); err != nil {
				return nil, fmt.Errorf("custom check %q: %w", checkName(c, i), err)
			}
		}
	}
	return all, nil
}

// compileChecks compiles the custom checks of d, whose files were read.
func compileChecks(d Document, files checkFiles) ([]*customCheck, error) {
	if !d.CustomChecksEnabled {
		return nil, nil
	}
	all := make([]*customCheck, len(d.CustomChecks))
	var faults []error
	for i, c := range d.CustomChecks {
		all[i] = &customCheck{name: checkName(c, i)}
		if !isRego(c) {
			all[i].reason = fmt.Sprintf("%s is written for the engine %q, and only rego is run here", all[i].name, c.Engine)
			continue
		}
		modules, data, err := custom.FromFiles(files[i])
		if err == nil {
			all[i].check, err = custom.Compile(custom.Source{
				Name: all[i].name, Modules: modules, Data: data, Schema: schema.Input, Severity: string(c.Severity),
			})
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("custom check %q: %w", all[i].name, err))
		}
	}
	return all, errors.Join(faults...)
}

func isRego(c document.CustomCheck) bool {
	return c.Engine == "" || strings.EqualFold(c.Engine, "rego")
}

func checkName(c document.CustomCheck, i int) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.Path != "":
		return c.Path
	case c.ScriptID != "":
		return c.ScriptID
	}
	return fmt.Sprintf("custom check %d", i+1)
}

// withPackage gives a snippet a package where it has none.
func withPackage(snippet string, i int) string {
	for line := range strings.Lines(snippet) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "package ") || strings.HasPrefix(line, "package\t") {
			return snippet
		}
		break
	}
	return fmt.Sprintf("package custom.check%d\n\n", i+1) + snippet
}

// statementsOf runs the custom checks of p. Each is bounded by itself: one
// that fails to run fails the control and leaves the others alone. faulty
// tells whether one did.
func (s *Set) statementsOf(ctx context.Context, p *policy, f *Facts) (said statements, faulty bool) {
	said = statements{}
	for _, c := range p.checks {
		if c.check == nil {
			said.add("skip", statement{control: translate.CustomChecks, msg: c.reason})
			continue
		}
		findings, err := c.check.Eval(ctx, s.bounds, f.value)
		if err != nil {
			faulty = true
			set := "deny"
			if p.doc.FaultMode() == document.FaultOpen {
				set = "warn"
			}
			said.add(set, statement{
				control: translate.CustomChecks,
				msg:     fmt.Sprintf("%s could not be evaluated (%v): tell its author", c.name, err),
			})
			continue
		}
		details := make([]any, len(findings))
		for i, found := range findings {
			details[i] = checkFacts(c.check, found)
		}
		for set, messages := range messagesOf(findings) {
			said.add(set, statement{
				control: translate.CustomChecks,
				msg:     c.name + ": " + messages,
				facts:   map[string]any{c.name: details},
			})
		}
	}
	return said, faulty
}

// messagesOf are the first messages of what a check found, by set, and how many
// more there are; the facts have them all.
func messagesOf(findings []custom.Finding) map[string]string {
	const shown = 5
	first, more := map[string][]string{}, map[string]int{}
	for _, f := range findings {
		set := "deny"
		if f.Warn {
			set = "warn"
		}
		switch {
		case f.More > 0:
			more[set] += f.More
		case len(first[set]) == shown:
			more[set]++
		default:
			first[set] = append(first[set], f.Message)
		}
	}
	all := map[string]string{}
	for set, messages := range first {
		all[set] = strings.Join(messages, "; ")
		if n := more[set]; n > 0 {
			all[set] += fmt.Sprintf(" and %d more", n)
		}
	}
	return all
}

// checkFacts is what a result says of a finding besides its message.
func checkFacts(c *custom.Check, f custom.Finding) map[string]any {
	facts := map[string]any{"msg": f.Message}
	for name, v := range f.Details {
		facts[name] = plainNumber(v)
	}
	if c.Severity != "" {
		facts["severity"] = c.Severity
	}
	return facts
}

// bounds of custom checks, as Options say.
func boundsOf(o Options) engine.Bounds {
	return engine.Bounds{Time: o.CheckTime, Memory: o.CheckMemory}
}

// readsContext tells whether a custom check of p looks at who asks.
func (p *policy) readsContext() bool {
	return slices.ContainsFunc(p.checks, func(c *customCheck) bool { return c.check != nil && c.check.Reads().Context })
}

// readsNow tells whether a custom check of p looks at the time.
func (p *policy) readsNow() bool {
	return slices.ContainsFunc(p.checks, func(c *customCheck) bool { return c.check != nil && c.check.Reads().Now })
}
