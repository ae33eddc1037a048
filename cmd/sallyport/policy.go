package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/policies/library"
	"github.com/sallyport-dev/sallyport/policies/translate"
	"github.com/sallyport-dev/sallyport/report"
)

func newPolicyCommand() *cobra.Command {
	r := &gateway{}
	return newGatewayCommand(r, "policy", "Read, write and check assurance policies",
		newPolicyListCommand(r), newPolicyGetCommand(r), newPolicyApplyCommand(r), newPolicyDeleteCommand(r),
		newPolicyTranslateCommand(r), newPolicyCheckCommand(r), newPolicyTestCommand(), newPolicyFmtCommand(),
		newPolicyEvalCommand(r), newPolicyDiffCommand(r), newPolicyBundleCommand(r), newPolicySchemaCommand(),
	)
}

func newPolicyListCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the policies in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			listed, err := c.Policies(cmd.Context())
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), listed)
			}
			t := newTable(cmd.OutOrStdout(), "NAME", "ENABLED", "BLOCKS", "CONTROLS", "SCOPE", "SOURCE")
			for _, p := range listed {
				// Translated, not compiled: files of custom checks are where the gate is.
				pkg, err := translate.Document(p.Document)
				if err != nil {
					return fmt.Errorf("policy %s: the gate is of another version, which this one does not understand (try -o json): %w", p.Name, err)
				}
				t.row(p.Name, yesNo(p.Enabled), yesNo(p.BlockFailed), strings.Join(pkg.Controls, " "), cmp.Or(p.Scope.String(), "every image"), placeOf(p.Source))
			}
			if err := t.flush(); err != nil {
				return err
			}
			return sourceFaults(cmd, c)
		},
	}
}

func newPolicyGetCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "get NAME", Short: "Print a policy as YAML, ready to be changed and applied (-o json: as the API has it)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			d, err := c.Policy(cmd.Context(), args[0])
			if err != nil {
				return meant(cmd.Context(), c, args[0], err)
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), d)
			}
			b, err := d.YAML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
}

func newPolicyApplyCommand(r *gateway) *cobra.Command {
	var files []string
	var dryRun bool
	c := &cobra.Command{
		Use: "apply -f FILE…", Short: "Put policies of files in force: new ones, or in the place of those with their names", Args: cobra.NoArgs,
		Example: `  sallyport policy get DTA > dta.yaml && $EDITOR dta.yaml && sallyport policy apply -f dta.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return errors.New("name at least one file with -f; - is the standard input")
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			// Everything is checked before anything is changed.
			docs, err := readPolicies(cmd.Context(), files, cmd.InOrStdin())
			if err != nil {
				return err
			}
			if dryRun {
				return r.applyDry(cmd, c, docs)
			}
			done := map[string]string{}
			for _, d := range docs {
				created, err := c.ApplyPolicy(cmd.Context(), d)
				if err != nil {
					return fmt.Errorf("policy %s: %w", d.Name, err)
				}
				done[d.Name] = map[bool]string{true: "created", false: "changed"}[created]
				if r.output != "json" {
					fmt.Fprintf(cmd.OutOrStdout(), "policy %s %s\n", d.Name, done[d.Name])
				}
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), done)
			}
			return nil
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "file of policies, JSON or YAML; - is the standard input")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing, show what would be (which images would: sallyport policy eval -f)")
	return c
}

func newPolicyDeleteCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME…", Short: "Take policies away; a built-in one that they stood for is in force again", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, name string) (string, error) {
				return "deleted", meant(ctx, c, name, c.DeletePolicy(ctx, name))
			})
		},
	}
}

// placeOf is where a policy comes from, in a table.
func placeOf(s console.PolicySource) string {
	switch s.Shelf {
	case library.Folder, library.Bundle:
		return string(s.Shelf) + " " + s.Place
	}
	return string(s.Shelf)
}

// sourceFaults says which sources are not in force as they are at their places.
func sourceFaults(cmd *cobra.Command, c *client.Client) error {
	sources, err := c.PolicySources(cmd.Context())
	if client.NotFound(err) {
		return nil // a gate of an older version
	}
	for _, s := range sources {
		if s.Fault != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "the last good policies of %s %s stay in force: %s\n", s.Shelf, report.Escape(s.Place), report.Escape(s.Fault))
		}
	}
	return err
}
