package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

func newPolicyTranslateCommand(r *gateway) *cobra.Command {
	var files []string
	c := &cobra.Command{
		Use: "translate NAME… | -f FILE…", Short: "Print the Rego package that decides for a policy",
		Example: `  sallyport policy translate DTA
  sallyport policy translate -f mine.yaml > mine.rego   # needs no gate`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (len(files) == 0) {
				return errors.New("say what to translate: names of policies, or files with -f")
			}
			var docs []policies.Document
			var err error
			if len(files) > 0 {
				docs, err = readPolicies(cmd.Context(), files, cmd.InOrStdin())
			} else {
				docs, err = r.fetchPolicies(cmd.Context(), args)
			}
			if err != nil {
				return err
			}
			rego := map[string]string{}
			for i, d := range docs {
				text, err := policies.Translate(d)
				if err != nil {
					return fmt.Errorf("policy %s: %w", d.Name, err)
				}
				rego[d.Name] = text
				if r.output == "json" {
					continue
				}
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				fmt.Fprint(cmd.OutOrStdout(), text)
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), rego)
			}
			return nil
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "file of policies, JSON or YAML; - is the standard input")
	return c
}

func (r *gateway) fetchPolicies(ctx context.Context, names []string) ([]policies.Document, error) {
	c, err := r.client()
	if err != nil {
		return nil, err
	}
	var docs []policies.Document
	for _, name := range names {
		d, err := c.Policy(ctx, name)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// readPolicies reads and compiles all policies of files; "-" is in. The error
// tells all that is wrong with them.
func readPolicies(ctx context.Context, files []string, in io.Reader) ([]policies.Document, error) {
	var docs []policies.Document
	var faults []error
	for _, file := range files {
		name, b, err := readPolicyFile(file, in)
		if err != nil {
			return nil, err
		}
		some, err := document.ParseAll(name, b)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		docs = append(docs, some...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	_, err := policies.Compile(ctx, docs, policies.Options{})
	return docs, err
}

func readPolicyFile(file string, in io.Reader) (name string, b []byte, err error) {
	if file == "-" {
		b, err = io.ReadAll(io.LimitReader(in, document.MaxSize+1))
		return "standard input", b, err
	}
	b, err = os.ReadFile(file)
	return file, b, err
}
