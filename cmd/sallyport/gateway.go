package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console/client"
)

// gateway is how the client commands reach a gate.
type gateway struct {
	server string
	token  string
	output string
}

// newGatewayCommand makes the command that groups a noun's verbs, with the flags
// that all of them share.
func newGatewayCommand(r *gateway, use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	r.flags(c)
	c.AddCommand(verbs...)
	return c
}

func (r *gateway) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&r.server, "server", envOr("SALLYPORT_SERVER", client.DefaultServer), "address of the gate's API (SALLYPORT_SERVER)")
	// Its default is not shown: it is a secret.
	c.PersistentFlags().StringVar(&r.token, "token", "", "API token (SALLYPORT_TOKEN; for a gate on this machine, admin.token in its data folder)")
	c.PersistentFlags().StringVarP(&r.output, "output", "o", "table", "table or json")
}

// newShowCommand makes the command that asks for one thing by its name, and
// prints it.
func newShowCommand[T any](r *gateway, use, short string, ask func(*client.Client, context.Context, string) (T, error), print func(io.Writer, T) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			thing, err := ask(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), thing)
			}
			return print(cmd.OutOrStdout(), thing)
		},
	}
}

func (r *gateway) checkOutput() error {
	if r.output != "table" && r.output != "json" {
		return fmt.Errorf("--output is %q: write table or json", r.output)
	}
	return nil
}

// client gives the client of the gate that the flags and the environment name.
func (r *gateway) client() (*client.Client, error) {
	if err := r.checkOutput(); err != nil {
		return nil, err
	}
	token := r.token
	if token == "" {
		token = os.Getenv("SALLYPORT_TOKEN")
	}
	if token == "" && onThisMachine(r.server) {
		var err error
		if token, err = localToken(); err != nil {
			return nil, err
		}
	}
	return client.New(client.Config{Server: r.server, Token: token})
}

// localToken reads the administrator's token of a gate that keeps its data in
// the folder that it would have when started here; "" when there is none. It is
// only for gates on this machine: it must not be sent anywhere else.
func localToken() (string, error) {
	b, err := os.ReadFile(localTokenFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // the gate's answer says what is needed
	}
	if err != nil {
		return "", fmt.Errorf("the administrator's token: %w; be the user that runs the gate, or set SALLYPORT_TOKEN", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// explainToken adds to a gate's refusal, which is for all its clients, where
// commands take their token from.
func explainToken(err error) error {
	var answered *client.Error
	if errors.As(err, &answered) && answered.Status == http.StatusUnauthorized {
		return fmt.Errorf("%w\ncommands send --token, else SALLYPORT_TOKEN, else, to a gate on this machine, the token in %s", err, localTokenFile())
	}
	return err
}

func localTokenFile() string {
	return filepath.Join(envOr("SALLYPORT_DATA", "data"), "admin.token")
}

func onThisMachine(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func envOr(key, otherwise string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return otherwise
}
