package main

import (
	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func newBehaviourSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of observations, which rules read as input; needs no gate",
		Example: `  sallyport behaviour schema > input.json   # for opa check --schema, and editors`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(observation.Schema())
			return err
		},
	}
}
