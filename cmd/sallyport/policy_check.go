package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/report"
)

func newPolicyCheckCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "check PATH…", Short: "Read and compile policies, Rego and data of files and folders, without a gate",
		Long: `Finds all that is wrong with policy documents, custom checks, other Rego, its tests and data, and names file and line.
Rego is compiled as strictly as in force: unused variables, functions that reach outside (network, clock, randomness,
environment) and fields that input does not have are errors. "-" is the standard input, of documents.

Exit code: 0 nothing is wrong; 1 something is. With -o json errors have the form of "opa check --format json".`,
		Example: `  sallyport policy check policies/
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
				return nil
			}
			if len(found.Errors) > 0 {
				return found.Errors
			}
			printChecked(cmd.OutOrStdout(), found)
			return nil
		},
	}
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
