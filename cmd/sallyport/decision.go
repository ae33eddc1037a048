package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
)

func newDecisionCommand() *cobra.Command {
	r := &gateway{}
	c := newShowCommand(r, "decision ID", "Show a decision of the gate, by the id that its messages end with: of what, for whom, and why",
		(*client.Client).Decision, showDecision)
	r.flags(c)
	return c
}

func showDecision(out io.Writer, d console.Decided) error {
	t := newTable(out)
	t.row("Decision", d.ID)
	t.row("Time", d.Time.UTC().Format(time.DateTime)+" UTC")
	t.row("Image", d.Reference.String())
	t.row("Action", string(d.Action))
	if d.Policy != "" {
		t.row("Policy", fmt.Sprintf("%s, control %s", d.Policy, d.Control))
	}
	if why := cmp.Or(d.Reason, d.State, d.Permission, d.Passed); why != "" {
		t.row("Why", why)
	}
	for _, w := range d.Warnings {
		t.row("Warning", w)
	}
	t.row("Asked by", d.Client)
	if d.Request != "" {
		t.row("Request", d.Request)
	}
	t.row("Context", contextOf(d))
	t.row("Policies", d.Generation)
	if d.Degraded {
		t.row("Degraded", "Redis was away")
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, j := range d.Judged {
		fmt.Fprintln(out)
		t := newTable(out)
		t.row("Platform", j.Platform.String())
		t.row("Digest", j.Digest)
		if v := j.Verdict; v != nil {
			t.row("Verdict", strings.TrimSuffix(fmt.Sprintf("%s, %s", v.Conclusion, v.Severity), ", "))
		}
		if err := t.flush(); err != nil {
			return err
		}
		if err := showChecks(out, j.Result.Checks); err != nil {
			return err
		}
	}
	return nil
}

// contextOf is where the image was to go.
func contextOf(d console.Decided) string {
	words := []string{d.Context.Kind}
	if d.Context.Cluster != "" {
		words = append(words, "cluster "+d.Context.Cluster)
	}
	if d.Context.Namespace != "" {
		words = append(words, "namespace "+d.Context.Namespace)
	}
	return strings.Join(words, ", ")
}
