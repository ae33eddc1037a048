package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/gate"
)

func newRiskCommand() *cobra.Command {
	r := &gateway{}
	return newGatewayCommand(r, "risk", "Acknowledge findings, so that policies do not count them for a while",
		newRiskAcknowledgeCommand(r), newRiskListCommand(r), newRiskRevokeCommand(r),
	)
}

func newRiskAcknowledgeCommand(r *gateway) *cobra.Command {
	var (
		issue          console.Issue
		comment, until string
		period         string
		everywhere     bool
	)
	c := &cobra.Command{
		Use: "acknowledge ISSUE…", Short: "Accept findings in an image, a repository, a registry or everywhere", Args: cobra.MinimumNArgs(1),
		Example: `  sallyport risk acknowledge CVE-2024-3094 --in ghcr.io/team/app:v3 --package xz-utils --for 30 --comment "not reachable, OPS-42"
  sallyport risk acknowledge "private key" --type sensitive_data --in ghcr.io/team/app --path "/test/*" --until 2026-12-31 --comment "test fixture"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case strings.TrimSpace(comment) == "":
				return errors.New("say why with --comment: it is shown to everybody who meets the decision")
			case (issue.Target == "") != everywhere:
				return errors.New("say where with --in (an image, a repository, a registry), or --everywhere")
			case period != "" && until != "":
				return errors.New("--for and --until say the same: keep one")
			}
			if cmd.Flags().Changed("for") {
				days, err := strconv.Atoi(strings.TrimSuffix(period, "d"))
				if err != nil || days < 1 {
					return fmt.Errorf("--for %q: write a number of days from 1 on", period)
				}
				issue.ExpirationDays = days
			}
			if until != "" {
				expires, err := parseUntil(until)
				if err != nil {
					return err
				}
				issue.Expires = expires
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			var issues []console.Issue
			for _, name := range args {
				one := issue
				one.IssueName = name
				if one.IssueType == "" {
					if !vulnerabilityID.MatchString(name) {
						return fmt.Errorf("%s does not tell what it is: add --type vulnerability, malware or sensitive_data", name)
					}
					one.IssueType = "vulnerability"
				}
				issues = append(issues, one)
			}
			kept, err := c.AcknowledgeRisks(cmd.Context(), comment, issues...)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), kept)
			}
			for _, k := range kept {
				ends := "without end"
				if !k.Expires.IsZero() {
					ends = "until " + day(k.Expires) + " UTC"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s acknowledged %s\n", k.ID, k.IssueName, ends)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&comment, "comment", "", "why: a ticket, a name (required)")
	f.StringVar(&issue.IssueType, "type", "", "vulnerability, malware or sensitive_data (default by the name: CVE-…, GHSA-…)")
	f.StringVar(&issue.Target, "in", "", "image, repository or registry for which it is accepted")
	f.StringVar(&issue.Kind, "kind", "", "what --in names, where its text does not tell: image, repository or registry")
	f.BoolVar(&everywhere, "everywhere", false, "accept it in every image")
	f.StringVar(&issue.ResourceName, "package", "", "only in this package; * stands for any characters")
	f.StringVar(&issue.ResourceVersion, "package-version", "", "only in this version of the package")
	f.StringVar(&issue.ResourcePath, "path", "", "only in this file; * stands for any characters")
	f.StringVar(&period, "for", "", "for so many days: 30 or 30d")
	f.StringVar(&until, "until", "", "until this day (2026-12-31, its end in UTC) or time (RFC 3339)")
	return c
}

var vulnerabilityID = regexp.MustCompile(`^(?i)(CVE|GHSA|GO|RUSTSEC|PYSEC|DSA|DLA|USN|ALAS|RHSA|ELSA|AVD|TEMP)-`)

// parseUntil reads the end of a day, or a time.
func parseUntil(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("--until %q: write a day (2026-12-31) or a time (2026-12-31T12:00:00Z)", text)
	}
	return t, nil
}

func newRiskListCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List acknowledged risks, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			risks, err := c.Risks(cmd.Context())
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), risks)
			}
			t := newTable(cmd.OutOrStdout(), "ID", "TYPE", "ISSUE", "ONLY IN", "IMAGES", "ENDS", "BY", "COMMENT")
			for _, k := range risks {
				t.row(k.ID, k.IssueType, k.IssueName, resourceOf(k), whereOf(k), endOf(k), k.Author, k.Comment)
			}
			return t.flush()
		},
	}
}

// resourceOf is what in an image a risk is limited to.
func resourceOf(k gate.Risk) string {
	text := k.ResourceName
	if k.ResourceVersion != "" {
		text += "@" + k.ResourceVersion
	}
	return strings.TrimSpace(strings.Join([]string{text, k.ResourcePath, k.ResourceHash}, " "))
}

// whereOf is for which images a risk is accepted.
func whereOf(k gate.Risk) string {
	var parts []string
	for _, p := range []string{k.RegistryName, k.RepositoryName, k.ImageName} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, "/")
}

func endOf(k gate.Risk) string {
	switch {
	case k.Expired:
		return "expired " + day(k.Expires)
	case k.Expires.IsZero():
		return "never"
	}
	return day(k.Expires)
}

func newRiskRevokeCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID…", Short: "Make acknowledged risks count again", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, id string) (string, error) {
				return "revoked", c.RevokeRisk(ctx, id)
			})
		},
	}
}
