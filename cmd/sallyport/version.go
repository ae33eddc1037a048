package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildInfo is what `sallyport version` tells.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source
	Go       string `json:"go"`
	Platform string `json:"platform"`
	GVisor   string `json:"gvisor,omitempty"` // the sandbox's kernel
	OPA      string `json:"opa,omitempty"`    // the policies' engine
}

func newVersionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "version", Short: "Print the version of this program and of what it is made of", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			switch output {
			case "json":
				return printJSON(cmd.OutOrStdout(), b)
			case "table":
			default:
				return fmt.Errorf("--output is %q: write table or json", output)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sallyport %s\n", b.Version)
			t := newTable(cmd.OutOrStdout())
			t.row("revision", b.Revision)
			t.row("go", b.Go)
			t.row("platform", b.Platform)
			t.row("gvisor", b.GVisor)
			t.row("opa", b.OPA)
			return t.flush()
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func thisBuild() buildInfo {
	b := buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	for _, m := range info.Deps {
		switch m.Path {
		case "gvisor.dev/gvisor":
			b.GVisor = m.Version
		case "github.com/open-policy-agent/opa":
			b.OPA = m.Version
		}
	}
	return b
}
