package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/author"
)

// Exit codes of the commands for authors, which are OPA's.
const exitTestsFailed = 2

func newPolicyFmtCommand() *cobra.Command {
	var write, list, diff, fail bool
	c := &cobra.Command{
		Use: "fmt [PATH…]", Short: "Format Rego as \"opa fmt\" does; needs no gate",
		Long: `Formats the Rego of files and folders, or of the standard input, and prints it. Policy documents are left alone:
their order and comments are their authors'.

Exit code: 0 done; 1 something could not be read; 2 Rego that does not parse, or with --fail a file that is not formatted.`,
		Example: `  sallyport policy fmt --write policies/
  sallyport policy fmt --list --fail policies/   # for CI`,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				return fmtStdin(cmd.InOrStdin(), out)
			}
			unformatted := 0
			err := author.FormatFiles(args, func(f author.Formatted) error {
				if f.Changed() {
					unformatted++
				}
				switch {
				case list && f.Changed():
					fmt.Fprintln(out, f.File)
				case diff && f.Changed():
					fmt.Fprint(out, f.Diff())
				case list, diff:
				case write:
					if f.Changed() {
						return f.Write()
					}
				case !fail:
					_, err := out.Write(f.New)
					return err
				}
				return nil
			})
			if err != nil {
				return fmtError(err)
			}
			if fail && unformatted > 0 {
				return codeError{exitTestsFailed, fmt.Errorf("%s not formatted: sallyport policy fmt --write", count(unformatted, "file is", "files are"))}
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "write the result to the files")
	c.Flags().BoolVarP(&list, "list", "l", false, "list the files that would change")
	c.Flags().BoolVarP(&diff, "diff", "d", false, "show what would change")
	c.Flags().BoolVar(&fail, "fail", false, "exit 2 when a file is not formatted")
	return c
}

func fmtStdin(in io.Reader, out io.Writer) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	f, err := author.Format("standard input", b)
	if err != nil {
		return fmtError(err)
	}
	_, err = out.Write(f.New)
	return err
}

// fmtError gives err the exit code that "opa fmt" has for it.
func fmtError(err error) error {
	var faults author.Faults
	if errors.As(err, &faults) {
		for _, f := range faults {
			if f.Code != author.CodeRead {
				return codeError{exitTestsFailed, err}
			}
		}
	}
	return err
}

// count is "1 file" or "3 files".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
