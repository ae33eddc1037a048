package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies"
)

func newImageFactsCommand(r *gateway) *cobra.Command {
	var platform string
	var where policies.Context
	c := &cobra.Command{
		Use: "facts IMAGE", Short: "Print what the policies read of an image: input in every Rego package, as JSON", Args: cobra.ExactArgs(1),
		Example: `  sallyport image facts ghcr.io/acme/web:2 > input.json && sallyport policy eval -f policies/ --input input.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			a, err := c.Facts(cmd.Context(), args[0], where)
			if err != nil {
				return err
			}
			some, err := onPlatform(a, platform)
			if err != nil {
				return err
			}
			if len(some) > 1 {
				var have []string
				for _, f := range a.Images {
					have = append(have, f.Platform.String())
				}
				return fmt.Errorf("%s has several images: choose with --platform one of %s", a.Image, strings.Join(have, ", "))
			}
			return printJSON(cmd.OutOrStdout(), some[0].Facts)
		},
	}
	c.Flags().StringVar(&platform, "platform", "", "platform of an image that has several")
	c.Flags().StringVar(&where.Kind, "kind", "", "who asks: pull, admission or ci (default pull)")
	c.Flags().StringVar(&where.Cluster, "cluster", "", "cluster that asks")
	c.Flags().StringVar(&where.Namespace, "namespace", "", "namespace that asks")
	return c
}
