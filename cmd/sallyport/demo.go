package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/demo"
)

func newDemoCommand() *cobra.Command {
	var address string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Serve a throwaway upstream registry with two harmless sample images",
		Long: `Serves a registry with two tiny images, made in memory: one well-behaved, one that opens a reverse
shell to an address that is reserved for documentation. A gate with default settings knows this
registry as ` + config.DemoUpstream + `. Nothing is left behind when it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			images, err := demo.Images(runtime.GOARCH)
			if err != nil {
				return err
			}
			ln, err := listen("--listen", address)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Demonstration registry on %s, known to the gate as %s:\n\n", ln.Addr(), config.DemoUpstream)
			for _, i := range images {
				fmt.Fprintf(out, "  localhost:5000/%s/%s:%s\n      %s\n", config.DemoUpstream, i.Repository, i.Tag, i.Does)
			}
			fmt.Fprintf(out, "\nIn another terminal (the gate runs there already, or `make run` starts it):\n\n")
			fmt.Fprintf(out, "  sallyport policy apply -f examples/policies/dta.yaml    # analyse what is labelled DTA, too\n")
			for _, i := range images {
				fmt.Fprintf(out, "  sallyport label add localhost:5000/%s/%s:%s DTA\n", config.DemoUpstream, i.Repository, i.Tag)
			}
			for _, i := range images {
				fmt.Fprintf(out, "  docker pull localhost:5000/%s/%s:%s\n", config.DemoUpstream, i.Repository, i.Tag)
			}
			fmt.Fprintf(out, "\nCtrl-C ends it.\n")
			return demo.Serve(cmd.Context(), ln)
		},
	}
	c.Flags().StringVar(&address, "listen", config.DemoAddress, "address to listen on")
	return c
}
