package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
)

// evaluated is what `policy eval -o json` prints of one image.
type evaluated struct {
	Image    string               `json:"image"` // or the facts file
	Platform string               `json:"platform,omitempty"`
	Outcome  author.Outcome       `json:"outcome"`
	Policies []policies.Inclusion `json:"policies"`
	Result   policies.Result      `json:"result"`
}

// judge lets set judge the subjects and prints what it says.
func (o *evalOptions) judge(cmd *cobra.Command, set *policies.Set, subjects []author.Subject) error {
	var all []evaluated
	failed := false
	for _, s := range subjects {
		r, err := set.Evaluate(cmd.Context(), s.Facts)
		if err != nil {
			return err
		}
		e := evaluated{Image: s.From, Outcome: author.OutcomeOf(r), Policies: set.Explain(s.Facts), Result: r}
		if i := s.Facts.Image; i.OS != "" {
			e.Platform = i.OS + "/" + i.Architecture
		}
		failed = failed || e.Outcome.Action == author.Deny || r.FailCICD
		all = append(all, e)
	}
	out := cmd.OutOrStdout()
	if o.output == "json" {
		if err := printJSON(out, all); err != nil {
			return err
		}
	} else {
		for i, e := range all {
			if i > 0 {
				fmt.Fprintln(out)
			}
			if err := e.print(out, o.all); err != nil {
				return err
			}
		}
	}
	if failed {
		return codeError{code: exitFailed}
	}
	return nil
}

func (e evaluated) print(out io.Writer, all bool) error {
	t := newTable(out)
	t.row("Image", e.Image)
	t.row("Platform", e.Platform)
	t.row("Outcome", outcome(e.Outcome))
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	t = newTable(out, "POLICY", "APPLIES", "BECAUSE")
	others := 0
	for _, p := range e.Policies {
		if !p.Included && !p.Undecided && !all {
			others++
			continue
		}
		t.row(p.Policy, applies(p), because(p))
	}
	if others == len(e.Policies) {
		fmt.Fprintln(out, "No policy includes it.")
	} else if err := t.flush(); err != nil {
		return err
	}
	if others > 0 {
		fmt.Fprintf(out, "(and %s to it: --all)\n", count(others, "that does not apply", "that do not apply"))
	}
	if len(e.Result.Checks) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	t = newTable(out, "POLICY", "CONTROL", "RESULT", "MESSAGE", "FACTS")
	for _, c := range e.Result.Checks {
		message := c.Message
		if c.Skipped {
			message = c.SkippedReason
		}
		t.row(c.PolicyName, c.Control, checkResult(c), message, facts(c))
	}
	return t.flush()
}

// outcome is an outcome in one line.
func outcome(o author.Outcome) string {
	switch {
	case o.Permission != "":
		return fmt.Sprintf("%s: %s", o.Action, o.Permission)
	case o.Policy != "":
		return fmt.Sprintf("%s: policy %s, control %s: %s", o.Action, o.Policy, o.Control, o.Message)
	case o.Warnings > 0:
		return fmt.Sprintf("%s, with %s", o.Action, count(o.Warnings, "warning", "warnings"))
	}
	return string(o.Action)
}

func applies(p policies.Inclusion) string {
	switch {
	case p.Included:
		return "yes"
	case p.Undecided:
		return "not here"
	}
	return "no"
}

// because is which terms of the scope decide.
func because(p policies.Inclusion) string {
	switch {
	case p.Off != "":
		return p.Off
	case p.Scope == "":
		return "every image"
	}
	var terms []string
	for _, t := range p.Terms {
		word := "no "
		if t.Holds {
			word = "yes "
		}
		terms = append(terms, word+t.Text)
	}
	if len(terms) == 1 && p.Terms[0].Text == p.Scope {
		return p.Scope
	}
	return p.Scope + " (" + strings.Join(terms, ", ") + ")"
}

// facts are the facts of a check in a cell of a table.
func facts(c policies.Check) string {
	if len(c.Facts) == 0 {
		return ""
	}
	b, err := json.Marshal(c.Facts)
	if err != nil {
		return err.Error()
	}
	const longest = 160
	if text := []rune(string(b)); len(text) > longest {
		return string(text[:longest]) + "…"
	}
	return string(b)
}

// printChanges prints what two generations make of images.
func printChanges(out io.Writer, changes []author.Change) error {
	t := newTable(out, "IMAGE", "DIGEST", "PLATFORM", "BEFORE", "AFTER", "DECIDED BY")
	for _, c := range changes {
		decided := c.After
		if decided.Policy == "" && decided.Permission == "" {
			decided = c.Before // what no longer does
		}
		by := decided.Permission
		if decided.Policy != "" {
			by = fmt.Sprintf("policy %s, control %s: %s", decided.Policy, decided.Control, decided.Message)
		}
		name, _, _ := strings.Cut(c.Image, "@")
		digest := ""
		if c.Digest != "" {
			digest = shortDigest(c.Digest)
		}
		t.row(name, digest, c.Platform, string(c.Before.Action), string(c.After.Action), by)
	}
	return t.flush()
}
