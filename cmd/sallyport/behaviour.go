package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/sandbox/judge"
)

func newBehaviourCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "behaviour", Aliases: []string{"behavior"}, Short: "The rules that say what is bad: list them, test your own, judge earlier runs by them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newBehaviourListCommand(), newBehaviourSchemaCommand(), newBehaviourTestCommand(), newBehaviourBundleCommand(), newBehaviourReplayCommand())
	return c
}

func newBehaviourListCommand() *cobra.Command {
	var output, folder string
	c := &cobra.Command{
		Use: "list", Short: "List the rules, built-in ones and those of --rules; needs no gate", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("--output is %q: write table or json", output)
			}
			cfg := judge.Config{Logger: quiet} // faults are returned below
			if folder != "" {
				dir, err := ruleFolder(folder)
				if err != nil {
					return err
				}
				cfg.Extra = []fs.FS{dir}
			}
			j, err := judge.New(cfg)
			if err != nil {
				return err
			}
			if output == "json" {
				err = printJSON(cmd.OutOrStdout(), j.List())
			} else {
				t := newTable(cmd.OutOrStdout(), "CATEGORY", "SLUG", "SEVERITY", "ATT&CK", "TITLE")
				for _, b := range j.List() {
					var techniques []string
					for _, a := range b.Attack {
						techniques = append(techniques, a.ID)
					}
					t.row(string(b.Category), b.Slug, string(b.Severity), strings.Join(techniques, " "), b.Title)
				}
				err = t.flush()
			}
			if err != nil {
				return err
			}
			if faults := j.Faults(); len(faults) > 0 {
				return fmt.Errorf("%d rules cannot be used: %w", len(faults), faults[0])
			}
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	c.Flags().StringVar(&folder, "rules", os.Getenv("SALLYPORT_SANDBOX_RULES"), "folder of your own rules")
	return c
}

func newBehaviourTestCommand() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use: "test DIR", Short: "Run the tests of your own rules, with the built-in rules and library at hand; needs no gate", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := ruleFolder(args[0])
			if err != nil {
				return err
			}
			return judge.Test(cmd.Context(), dir, cmd.OutOrStdout(), verbose)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print every test, and traces of those that fail")
	return c
}

// quiet is for faults that are returned.
var quiet = slog.New(slog.DiscardHandler)

func ruleFolder(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("rules: %s is no folder", dir)
	}
	return os.DirFS(dir), nil
}
