package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/console/token"
)

func newTokenCommand() *cobra.Command {
	r := &gateway{}
	return newGatewayCommand(r, "token", "Tokens for people and machines that use the API",
		newTokenCreateCommand(r), newTokenListCommand(r), newTokenRevokeCommand(r))
}

func newTokenCreateCommand(r *gateway) *cobra.Command {
	var role string
	var expires string
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, this one time", Args: cobra.ExactArgs(1),
		Example: `  export SALLYPORT_TOKEN=$(sallyport token create ci --role reader --expires 720h)
  sallyport token create node-7 --role puller | docker login -u node-7 --password-stdin gate.example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := parseExpires(expires, time.Now())
			if err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			req := console.TokenRequest{Name: args[0], Role: token.Role(role), Expires: until}
			made, err := c.CreateToken(cmd.Context(), req)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), made)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "token %s of %s (%s), shown only now:\n", made.ID, made.Name, made.Role)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Text)
			return err
		},
	}
	c.Flags().StringVar(&role, "role", string(token.Reader), "reader: looks; puller: pulls images through the proxy; admin: does everything")
	c.Flags().StringVar(&expires, "expires", "0", "how long it is good for: 30d, 720h, or until a day (2027-01-31, its end in UTC) or a time; 0 is for ever")
	return c
}

func newTokenListCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List tokens, not their text", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			tokens, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), tokens)
			}
			t := newTable(cmd.OutOrStdout(), "ID", "NAME", "ROLE", "CREATED", "BY", "EXPIRES")
			for _, k := range tokens {
				t.row(k.ID, k.Name, string(k.Role), day(k.Created), k.Author, day(k.Expires))
			}
			return t.flush()
		},
	}
}

func newTokenRevokeCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID…", Short: "End tokens: the next request with them is refused", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, id string) (string, error) {
				return "revoked", c.RevokeToken(ctx, id)
			})
		},
	}
}
