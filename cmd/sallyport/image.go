package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/report"
)

func newImageCommand() *cobra.Command {
	r := &gateway{}
	return newGatewayCommand(r, "image", "List the images that the gate knows, analyse them again, allow or block them",
		newImageListCommand(r), newImageShowCommand(r), newImageFactsCommand(r), newImageRescanCommand(r),
		newPermitCommand(r, gate.Allow, "allow IMAGE…", "Let images pass whatever the policies say"),
		newPermitCommand(r, gate.Deny, "block IMAGE…", "Refuse images whatever the policies say"),
		newResetCommand(r),
	)
}

func newImageListCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "list [PART]", Short: "List known images, all or those whose name contains PART", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			images, err := c.Images(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), images)
			}
			t := newTable(cmd.OutOrStdout(), "IMAGE", "DIGEST", "DECISION", "ANALYSIS", "SEVERITY", "LABELS")
			for _, i := range images {
				t.row(i.Registry+"/"+i.Name, shortDigest(i.Digest), decision(i), analysisOf(i), i.DTASeverity, strings.Join(i.Labels, " "))
			}
			return t.flush()
		},
	}
}

// decision is what the gate would say now.
func decision(i console.Image) string {
	if i.ScanError != "" {
		return "error"
	}
	return string(i.Sallyport.Action)
}

// analysisOf is the worst that an analysis concluded on any platform, or how
// far it is.
func analysisOf(i console.Image) string {
	rank := map[report.Conclusion]int{report.Malicious: 5, report.Suspicious: 4, report.Inconclusive: 3, report.Clean: 2, report.Skipped: 1}
	var worst report.Conclusion
	state := ""
	for _, p := range i.Sallyport.Platforms {
		switch {
		case p.Verdict != nil && rank[p.Verdict.Conclusion] > rank[worst]:
			worst = p.Verdict.Conclusion
		case p.Verdict == nil && p.DTA:
			state = p.Analysis
		}
	}
	if worst != "" {
		return string(worst)
	}
	return state
}

func shortDigest(d string) string {
	algorithm, hex, _ := strings.Cut(d, ":")
	return algorithm + ":" + hex[:min(12, len(hex))]
}

func newImageShowCommand(r *gateway) *cobra.Command {
	return newShowCommand(r, "show IMAGE", "Show what is known of an image, and what the gate says of it now", (*client.Client).Image, showImage)
}

func showImage(out io.Writer, i console.Image) error {
	t := newTable(out)
	t.row("Image", i.Sallyport.Image)
	t.row("Decision", decision(i))
	t.row("Message", i.Sallyport.Message)
	for _, w := range i.Sallyport.Warnings {
		t.row("Warning", w)
	}
	t.row("Labels", strings.Join(i.Labels, " "))
	if i.Whitelisted || i.Blacklisted {
		word := "allowed"
		if i.Blacklisted {
			word = "blocked"
		}
		if e := i.Sallyport.PermissionExpires; !e.IsZero() {
			word += " until " + day(e) + " UTC"
		}
		t.row("Permission", fmt.Sprintf("%s by %s: %s", word, i.PermissionAuthor, i.PermissionComment))
	}
	for _, k := range i.Sallyport.Acknowledged {
		t.row("Acknowledged", fmt.Sprintf("%s by %s, ends %s: %s", k.IssueName, k.Author, endOf(k), k.Comment))
	}
	t.row("Created", day(i.Created))
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	t = newTable(out, "PLATFORM", "DIGEST", "ANALYSIS", "VERDICT", "SEVERITY", "FINDINGS")
	for _, p := range i.Sallyport.Platforms {
		conclusion, severity, findings := "", "", ""
		if v := p.Verdict; v != nil {
			conclusion, severity = string(v.Conclusion), string(v.Severity)
			findings = fmt.Sprint(len(v.Findings))
		}
		t.row(p.Platform, shortDigest(p.Digest), p.Analysis, conclusion, severity, findings)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := showFacts(out, i.Sallyport.Platforms); err != nil {
		return err
	}
	return showChecks(out, i.Assurance.Checks)
}

func showChecks(out io.Writer, checks []policies.Check) error {
	if len(checks) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	t := newTable(out, "POLICY", "CONTROL", "RESULT", "MESSAGE")
	for _, c := range checks {
		t.row(c.PolicyName, c.Control, checkResult(c), c.Message)
	}
	return t.flush()
}

func newImageRescanCommand(r *gateway) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use: "rescan IMAGE…", Short: "Have images analysed: what is missing, or with --full everything again", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			scans, err := c.Rescan(cmd.Context(), full, args...)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), scans)
			}
			t := newTable(cmd.OutOrStdout(), "IMAGE", "PLATFORM", "STATE")
			for _, s := range scans {
				for _, p := range s.Platforms {
					t.row(s.Image, p.Platform, p.State)
				}
			}
			return t.flush()
		},
	}
	c.Flags().BoolVar(&full, "full", false, "run the sandbox again, also where there is a verdict")
	return c
}

func newPermitCommand(r *gateway, action gate.Action, use, short string) *cobra.Command {
	var comment string
	var expires string
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(comment) == "" {
				return fmt.Errorf("say why with --comment: it is shown to everybody who meets the decision")
			}
			until, err := parseExpires(expires, time.Now())
			if err != nil {
				return err
			}
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, name string) (string, error) {
				word := map[gate.Action]string{gate.Allow: "allowed", gate.Deny: "blocked"}[action]
				if !until.IsZero() {
					word += " until " + day(until) + " UTC"
				}
				return word, c.Permit(ctx, action, comment, until, name)
			})
		},
	}
	c.Flags().StringVar(&comment, "comment", "", "why: a ticket, a name (required)")
	c.Flags().StringVar(&expires, "expires", "0", "how long it holds: 30d, 72h, or until a day (2027-01-31, its end in UTC) or a time; 0 is for ever")
	return c
}

// parseExpires reads how long from now something holds, or until when; "0" is
// the zero time, which never comes. Both are written as in policy documents.
func parseExpires(text string, now time.Time) (time.Time, error) {
	if text == "0" {
		return time.Time{}, nil
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return time.Time{}, err
	}
	var period document.Duration
	var until document.Expiry
	switch {
	case text == "":
		return time.Time{}, errors.New("--expires is empty: 0 is for ever")
	case json.Unmarshal(quoted, &period) == nil:
		return now.Add(time.Duration(period)).UTC().Truncate(time.Second), nil
	case json.Unmarshal(quoted, &until) == nil && until.Past(now):
		return time.Time{}, fmt.Errorf("--expires %s is past", text)
	case !until.IsZero():
		return until.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("--expires %q: write how long (30d, 72h, 90m), until which day (2027-01-31) or time (2027-01-31T12:00:00Z), or 0 for ever", text)
}

func newResetCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "reset IMAGE…", Short: "Take back what allow or block said of images: the policies decide again", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, name string) (string, error) {
				return "left to the policies", c.RemovePermission(ctx, name)
			})
		},
	}
}

// each does something with every argument and says what was done.
func (r *gateway) each(cmd *cobra.Command, args []string, do func(context.Context, *client.Client, string) (string, error)) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	done := map[string]string{}
	for _, arg := range args {
		if done[arg], err = do(cmd.Context(), c, arg); err != nil {
			return err
		}
		if r.output != "json" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", arg, done[arg])
		}
	}
	if r.output == "json" {
		return printJSON(cmd.OutOrStdout(), done)
	}
	return nil
}
