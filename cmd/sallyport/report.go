package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/export"
)

func newReportCommand() *cobra.Command {
	r := &gateway{}
	var platform, format string
	var events bool
	var sign signing
	c := &cobra.Command{
		Use: "report IMAGE", Short: "Show what an image did in the sandbox", Args: cobra.ExactArgs(1),
		Example: `  sallyport report localhost:5000/demo.test/webserver:v1
  sallyport report ghcr.io/a/b:1 --platform linux/arm64 --format json
  sallyport report ghcr.io/a/b:1 --format html > report.html
  sallyport report ghcr.io/a/b:1 --format sarif > report.sarif
  sallyport report ghcr.io/a/b:1 --format in-toto --sign cosign.key --attach   # verify with cosign verify-attestation
  sallyport report ghcr.io/a/b:1 --events                       # what the sensor saw, in order`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" {
				format = r.output
			}
			var other export.Format
			if format != "table" && format != "json" {
				var err error
				if other, err = export.Lookup(format); err != nil {
					return fmt.Errorf("--format: %w, table or json", err)
				}
			}
			if events && other.Write != nil {
				return fmt.Errorf("--events are printed as table or json, not as %s", format)
			}
			if err := sign.check(format); err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			if events {
				raw, err := c.Events(cmd.Context(), args[0], platform)
				if err != nil {
					return err
				}
				return printEvents(cmd.OutOrStdout(), raw, format == "json")
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
			if sign.key != "" {
				return sign.write(cmd, rep, raw)
			}
			if other.Write != nil {
				return other.Write(out, rep)
			}
			return report.Table(out, rep, tableOptions(out))
		},
	}
	r.flags(c)
	c.Flags().StringVar(&format, "format", "", "table, json (the same as --output), "+exportNames())
	c.Flags().BoolVar(&events, "events", false, "everything that the sensor saw during the run, one event a line, instead of the report")
	c.Flags().StringVar(&sign.key, "sign", "", "sign the statement of --format in-toto with this key of cosign's (password: COSIGN_PASSWORD), and print it as a Sigstore bundle")
	c.Flags().StringVar(&sign.passwordFile, "password-file", "", "file of the key's password")
	c.Flags().StringVar(&sign.attach, "attach", "", "attach what is signed to the image as a referrer, with the credentials of docker login; --attach=REGISTRY/REPOSITORY where the image is a copy")
	c.Flags().Lookup("attach").NoOptDefVal = here
	c.Flags().BoolVar(&sign.tag, "attach-tag", false, "attach it under the tag sha256-….att, too, where cosign 2 looks")
	c.Flags().StringVar(&platform, "platform", "", "of an image for several: os/architecture; default the one with the worst verdict")
	return c
}

// exportNames tells what --format may be, beside table and json.
func exportNames() string {
	var all []string
	for _, f := range export.Formats() {
		all = append(all, fmt.Sprintf("%s (%s)", f.Name, f.Short))
	}
	return strings.Join(all, ", ")
}
