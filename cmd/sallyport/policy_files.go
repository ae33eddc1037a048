package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/policies/document"
)

func newPolicyTranslateCommand(r *gateway) *cobra.Command {
	var files []string
	var all bool
	c := &cobra.Command{
		Use: "translate NAME… | -f PATH… | --all [-f PATH…] -o DIR", Short: "Print the Rego package that decides for a policy, or write all as a tree for OPA",
		Long: `Prints the generated packages of policies in force, or of those in files and folders.

With --all everything is written to a new folder, as a bundle of OPA has it: assurance/<name>.rego for each policy,
custom checks, their tests and data, the documents, and schemas/input.json. The folder can be given to opa as it is:
  opa check -b --strict -s DIR/schemas/input.json DIR
  opa test -b DIR
  opa eval -b DIR -i input.json data.assurance.<name>.deny`,
		Example: `  sallyport policy translate DTA
  sallyport policy translate -f mine.yaml > mine.rego   # needs no gate
  sallyport policy translate --all -f policies/ -o rego/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all {
				return r.translateAll(cmd, args, files)
			}
			if err := r.checkOutput(); err != nil {
				return err
			}
			if (len(args) == 0) == (len(files) == 0) {
				return errors.New("say what to translate: names of policies, or files with -f")
			}
			docs, err := r.named(cmd, args, files)
			if err != nil {
				return err
			}
			return r.printTranslated(cmd.OutOrStdout(), docs)
		},
	}
	c.Flags().StringSliceVarP(&files, "file", "f", nil, "file or folder of policies; - is the standard input")
	c.Flags().BoolVar(&all, "all", false, "write all to a folder: the policies of -f with their checks, or those in force")
	c.Flags().StringVarP(&r.output, "output", "o", "table", "table or json; with --all the folder, which must be new or empty")
	return c
}

// named are policies in force by their names, or those of files.
func (r *gateway) named(cmd *cobra.Command, names, files []string) ([]policies.Document, error) {
	if len(files) == 0 {
		return r.fetchPolicies(cmd.Context(), names)
	}
	sources, err := readSources(files, cmd)
	if err != nil {
		return nil, err
	}
	return sources.Documents(), nil
}

func (r *gateway) printTranslated(out io.Writer, docs []policies.Document) error {
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
			fmt.Fprintln(out)
		}
		fmt.Fprint(out, text)
	}
	if r.output == "json" {
		return printJSON(out, rego)
	}
	return nil
}

func (r *gateway) translateAll(cmd *cobra.Command, names, files []string) error {
	dir := r.output
	r.output = "table" // for the client
	if dir == "table" || dir == "json" || dir == "" {
		return errors.New("say where to with -o: a new folder")
	}
	if len(names) > 0 {
		return fmt.Errorf("--all is of all policies: leave out %s, or --all", strings.Join(names, " "))
	}
	sources, err := author.Read(files, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if len(files) == 0 {
		c, err := r.client()
		if err != nil {
			return err
		}
		docs, err := allPolicies(cmd.Context(), c)
		if err != nil {
			return err
		}
		if err := sources.AddDocuments(docs); err != nil {
			return err
		}
		for _, d := range docs {
			for _, check := range d.CustomChecks {
				if check.Path != "" && check.Snippet == "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "policy %s: the custom check %s stands in a file of the gate and is left out\n", d.Name, check.Path)
				}
			}
		}
	}
	if len(sources.Policies)+len(sources.Modules) == 0 {
		return fmt.Errorf("%w in %s", author.ErrNothing, strings.Join(files, ", "))
	}
	tree, err := sources.Tree()
	if err != nil {
		return err
	}
	if err := author.WriteTree(dir, tree); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s of %s written to %s\n", count(len(tree), "file", "files"), count(len(sources.Policies), "policy", "policies"), dir)
	return nil
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
			return nil, meant(ctx, c, name, err)
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// meant adds to err, that there is no policy called name, the one that is
// called nearly so.
func meant(ctx context.Context, c *client.Client, name string, err error) error {
	if !client.NotFound(err) {
		return err
	}
	docs, listErr := allPolicies(ctx, c)
	if listErr != nil {
		return err
	}
	names := make([]string, len(docs))
	for i, d := range docs {
		names[i] = d.Name
	}
	if near := document.Nearest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return fmt.Errorf("%w; there are %s", err, strings.Join(first(names, 10), ", "))
}

// first is names, with … for those after the first n.
func first(names []string, n int) []string {
	if len(names) <= n {
		return names
	}
	return append(slices.Clone(names[:n]), "…")
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
