package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/report"
)

func newPolicyCheckCommand(r *gateway) *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use: "check PATH…", Short: "Read and compile policies, Rego and data of files and folders, without a gate",
		Long: `Finds all that is wrong with policy documents, custom checks, other Rego, its tests and data, and names file and line.
Rego is compiled as strictly as in force: unused variables, functions that reach outside (network, clock, randomness,
environment) and fields that input does not have are errors. "-" is the standard input, of documents.

What loads and yet looks like a mistake is a warning: a field that no control reads (only_non_root_users), a control that
is on and can fail nothing.

Exit code: 0 nothing is wrong; 1 something is, or with --fail-on-warn looks like a mistake. With -o json errors have the
form of "opa check --format json".`,
		Example: `  sallyport policy check --fail-on-warn policies/   # for CI
  sallyport policy get DTA | sallyport policy check -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.checkOutput(); err != nil {
				return err
			}
			sources, readFaults := author.Read(args, cmd.InOrStdin())
			found, err := author.Check(cmd.Context(), args, sources, readFaults)
			if err != nil {
				return err
			}
			if r.output == "json" {
				if err := printJSON(cmd.OutOrStdout(), found); err != nil {
					return err
				}
				if len(found.Errors) > 0 {
					return codeError{code: exitFailed}
				}
			} else {
				if len(found.Errors) > 0 {
					return found.Errors
				}
				printChecked(cmd.OutOrStdout(), found)
			}
			if n := warnings(found); strict && n > 0 {
				return codeError{exitFailed, fmt.Errorf("%s: --fail-on-warn was asked for", count(n, "warning", "warnings"))}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&strict, "fail-on-warn", false, "exit 1 when there is a warning")
	return c
}

func warnings(found author.Report) (n int) {
	for _, p := range found.Policies {
		n += len(p.Warnings)
	}
	return n
}

func printChecked(out io.Writer, found author.Report) {
	for _, p := range found.Policies {
		fmt.Fprintf(out, "policy %s: ok\n", p.Name)
		for _, w := range p.Warnings {
			fmt.Fprintf(out, "  warning: %s\n", report.Escape(w))
		}
	}
	if n := len(found.Rego); n > 0 {
		fmt.Fprintf(out, "%s of Rego: ok\n", count(n, "file", "files"))
	}
}
