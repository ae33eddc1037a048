package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/schema"
)

func newPolicySchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [policy|facts]", Short: "Print the JSON Schema of policy documents, or of the facts that rules read as input; needs no gate",
		Example: `  sallyport policy schema > assurance-policy.schema.json   # for editors of documents
  sallyport policy schema facts > input.schema.json        # for opa check --schema, and Regal`,
		Args: cobra.MaximumNArgs(1), ValidArgs: []string{"policy", "facts"},
		RunE: func(cmd *cobra.Command, args []string) error {
			text := schema.Policy
			if len(args) == 1 {
				switch args[0] {
				case "policy":
				case "facts":
					text = schema.Input
				default:
					return fmt.Errorf("there is no schema of %q: write policy or facts", args[0])
				}
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
