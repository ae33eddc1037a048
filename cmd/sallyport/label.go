package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/report"
)

// labelCommand is one of the verbs of `sallyport label`.
type labelCommand struct {
	*gateway
	image, repository, registry bool
}

func newLabelCommand() *cobra.Command {
	r := &gateway{}
	verb := func(use, short string, args cobra.PositionalArgs, run func(context.Context, *client.Client, string, string, []string) (console.LabelsAnswer, error)) *cobra.Command {
		l := &labelCommand{gateway: r}
		c := &cobra.Command{
			Use: use, Short: short, Args: args,
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := r.client()
				if err != nil {
					return err
				}
				kind, err := l.kind()
				if err != nil {
					return err
				}
				answer, err := run(cmd.Context(), c, args[0], kind, args[1:])
				if err != nil {
					return err
				}
				return l.print(cmd.OutOrStdout(), answer)
			},
		}
		c.Flags().BoolVar(&l.image, "image", false, "the target is an image (without tag: latest)")
		c.Flags().BoolVar(&l.repository, "repository", false, "the target is a repository")
		c.Flags().BoolVar(&l.registry, "registry", false, "the target is a registry")
		return c
	}
	c := newGatewayCommand(r, "label", "Attach words to images, repositories and registries: DTA has images analysed",
		verb("add IMAGE|REPOSITORY|REGISTRY LABEL…", "Attach labels; what a policy wants analysed because of them is queued", cobra.MinimumNArgs(2),
			func(ctx context.Context, c *client.Client, target, kind string, words []string) (console.LabelsAnswer, error) {
				return c.AddLabels(ctx, target, kind, words)
			}),
		verb("remove IMAGE|REPOSITORY|REGISTRY LABEL…", "Take labels off", cobra.MinimumNArgs(2),
			func(ctx context.Context, c *client.Client, target, kind string, words []string) (console.LabelsAnswer, error) {
				return c.RemoveLabels(ctx, target, kind, words)
			}),
		verb("list IMAGE|REPOSITORY|REGISTRY", "Show the labels on a target itself", cobra.ExactArgs(1),
			func(ctx context.Context, c *client.Client, target, kind string, _ []string) (console.LabelsAnswer, error) {
				return c.Labels(ctx, target, kind)
			}),
	)
	c.Long = `Labels live in Sallyport, not in images. A tag or digest makes the target an image, a path a repository, a lone
host name a registry; --image, --repository and --registry say it where the text does not. Names that go through the
gate (localhost:5000/ghcr.io/a/b:1) mean the image behind it.`
	c.Example = `  sallyport label add localhost:5000/demo.test/webserver:v1 DTA
  sallyport label add ghcr.io/payments DTA team:payments
  sallyport label list docker.io`
	return c
}

func (l *labelCommand) kind() (string, error) {
	var kinds []string
	for kind, chosen := range map[string]bool{"image": l.image, "repository": l.repository, "registry": l.registry} {
		if chosen {
			kinds = append(kinds, kind)
		}
	}
	switch len(kinds) {
	case 0:
		return "", nil
	case 1:
		return kinds[0], nil
	}
	return "", errors.New("--image, --repository and --registry exclude each other")
}

func (l *labelCommand) print(out io.Writer, a console.LabelsAnswer) error {
	if l.output == "json" {
		return printJSON(out, a)
	}
	words := strings.Join(a.Labels, " ")
	if words == "" {
		words = "no labels"
	}
	fmt.Fprintf(out, "%s %s: %s\n", a.Kind, report.Escape(a.Target), words)
	for _, i := range a.Images {
		fmt.Fprintf(out, "  %s\n", report.Escape(i.Message))
	}
	return nil
}
