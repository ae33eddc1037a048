package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/report"
)

func newReportCommand() *cobra.Command {
	r := &gateway{}
	var platform, format string
	c := &cobra.Command{
		Use: "report IMAGE", Short: "Show what an image did in the sandbox", Args: cobra.ExactArgs(1),
		Example: `  sallyport report localhost:5000/demo.test/webserver:v1
  sallyport report ghcr.io/a/b:1 --platform linux/arm64 --format json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" {
				format = r.output
			}
			if format != "table" && format != "json" {
				return fmt.Errorf("--format is %q: write table or json", format)
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			raw, err := c.Report(cmd.Context(), args[0], platform)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if format == "json" {
				_, err = out.Write(append(bytes.TrimSpace(raw), '\n'))
				return err
			}
			rep, err := report.Decode(bytes.NewReader(raw))
			if err != nil {
				return fmt.Errorf("the report about %s: %w; see it with --format json", args[0], err)
			}
			return report.Table(out, rep, report.TableOptions{Color: terminal(out)})
		},
	}
	r.flags(c)
	c.Flags().StringVar(&format, "format", "", "table or json (the same as --output)")
	c.Flags().StringVar(&platform, "platform", "", "of an image for several: os/architecture; default the one with the worst verdict")
	return c
}
