package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/report"
)

func newDTACommand() *cobra.Command {
	r := &gateway{}
	return newGatewayCommand(r, "dta", "Dynamic threat analysis: which sandbox runs images, and whether it may",
		newDTACheckCommand(r), newDTAEnableCommand(r), newDTADisableCommand(r))
}

// endpointFlags name a sandbox service.
type endpointFlags struct {
	url       string
	local     bool
	tokenFile string
}

func (e *endpointFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&e.url, "endpoint", "", "URL of a sandbox service, https://host[:port]")
	c.Flags().BoolVar(&e.local, "local", false, "the sandbox on the gate's machine")
	c.Flags().StringVar(&e.tokenFile, "endpoint-token-file", "", "file with the token of the sandbox service; - is the standard input")
}

// change is what the flags say, in the API's words.
func (e *endpointFlags) change(in io.Reader) (console.DTAChange, error) {
	var change console.DTAChange
	switch {
	case e.local && (e.url != "" || e.tokenFile != ""):
		return change, errors.New("--local excludes --endpoint and --endpoint-token-file")
	case e.local:
		change.Endpoint, change.Token = new(string), new(string)
	case e.url != "":
		change.Endpoint = &e.url
	}
	if e.tokenFile == "" {
		return change, nil
	}
	var b []byte
	var err error
	if e.tokenFile == "-" {
		b, err = io.ReadAll(io.LimitReader(in, 1<<16))
	} else {
		b, err = os.ReadFile(e.tokenFile)
	}
	if err != nil {
		return change, fmt.Errorf("the token of the sandbox service: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return change, fmt.Errorf("%s holds no token", e.tokenFile)
	}
	change.Token = &token
	return change, nil
}

func newDTACheckCommand(r *gateway) *cobra.Command {
	var e endpointFlags
	c := &cobra.Command{
		Use: "check", Short: "Ask the sandbox service whether the token is good, and what is left of the quota", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			change, err := e.change(cmd.InOrStdin())
			if err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			set, err := c.DTA(cmd.Context())
			if err != nil {
				return err
			}
			answer, err := c.CheckDTA(cmd.Context(), change)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), struct {
					Settings console.DTASettings   `json:"settings"` // in force
					Checked  console.LicenseAnswer `json:"checked"`
				}{set, answer})
			}
			t := newTable(cmd.OutOrStdout())
			t.row("Enabled", yesNo(set.Enabled))
			licenseRows(t, answer)
			t.row("Asked for here", fmt.Sprintf("%d runs in %s", set.Usage.Runs, set.Usage.Period))
			return t.flush()
		},
	}
	e.register(c)
	return c
}

func newDTAEnableCommand(r *gateway) *cobra.Command {
	var e endpointFlags
	c := &cobra.Command{
		Use: "enable", Short: "Switch analysis on, with another sandbox service when one is named", Args: cobra.NoArgs,
		Example: `  sallyport dta enable --endpoint https://sandbox.example.com --endpoint-token-file token.txt
  sallyport dta enable --local`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			change, err := e.change(cmd.InOrStdin())
			if err != nil {
				return err
			}
			on := true
			change.Enabled = &on
			return r.saveDTA(cmd, change, "analysis is switched on")
		},
	}
	e.register(c)
	return c
}

func newDTADisableCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "disable", Short: "Switch analysis off: nothing is run, what is known stays in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			off := false
			return r.saveDTA(cmd, console.DTAChange{Enabled: &off}, "analysis is switched off")
		},
	}
}

func (r *gateway) saveDTA(cmd *cobra.Command, change console.DTAChange, done string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	answer, err := c.SaveDTA(cmd.Context(), change)
	if err != nil {
		return err
	}
	if r.output == "json" {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	fmt.Fprintln(cmd.OutOrStdout(), done)
	if !*change.Enabled {
		return nil // nobody was asked
	}
	t := newTable(cmd.OutOrStdout())
	licenseRows(t, answer)
	return t.flush()
}

func licenseRows(t *table, a console.LicenseAnswer) {
	where := a.Endpoint
	if where == "" {
		where = "on the gate's machine"
	}
	l := a.License
	t.row("Sandbox", where)
	t.row("Version", l.Version)
	t.row("Ruleset", l.Ruleset)
	t.row("Plan", l.Plan)
	quota := fmt.Sprintf("%d runs used, no limit", l.Quota.Used)
	if l.Quota.Limit > 0 {
		quota = fmt.Sprintf("%d of %d runs used", l.Quota.Used, l.Quota.Limit)
		if l.Quota.Period != "" {
			quota += " this " + report.Escape(l.Quota.Period)
		}
		if !l.Quota.ResetsAt.IsZero() {
			quota += ", until " + day(l.Quota.ResetsAt)
		}
	}
	t.row("Quota", quota)
	var runs []string
	for _, p := range l.Platforms {
		runs = append(runs, p.String())
	}
	t.row("Platforms", strings.Join(runs, " "))
}
