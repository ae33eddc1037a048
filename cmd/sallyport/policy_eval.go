package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/report"
)

// evalOptions are the flags of `sallyport policy eval`.
type evalOptions struct {
	*gateway
	files    []string
	inputs   []string
	archive  string
	layout   string
	platform string
	where    policies.Context
	all      bool
	print    bool
}

func newPolicyEvalCommand(r *gateway) *cobra.Command {
	o := &evalOptions{gateway: r}
	c := &cobra.Command{
		Use: "eval [-f PATH…] [IMAGE… | --input FACTS…]", Short: "Judge images by policies that are in force, or that are not yet",
		Long: `Judges by the policies of -f (files and folders), or by those in force, and tells which policies include an image and
why, and what each of their checks says.

What is judged:
  IMAGE…            images. With --server (or SALLYPORT_SERVER), or without -f, the gate tells their facts: labels and
                    verdicts among them. Otherwise they are fetched from their registry and inspected here.
  --input FACTS…    facts documents, as "sallyport image facts" prints them
  --archive, --layout   an image that no registry has
  nothing           all images that the gate knows: what would change if the policies of -f were applied to it. Only the
                    images that it would treat differently are listed (--all: every one).

Exit code: 0 nothing fails; 1 something is denied or fails CI, or would be denied and is not now; 2 it could not be found out.`,
		Example: `  sallyport policy eval -f policies/ --input input.json
  sallyport policy eval -f policies/ registry.example.com/pay/api:1.4
  sallyport policy eval -f policies/ --server https://gate.example.com   # what would change
  sallyport policy eval ghcr.io/acme/web:2 --print-input > input.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := o.run(cmd, args)
			var coded codeError
			if err != nil && !errors.As(err, &coded) {
				return codeError{exitNotFound, err}
			}
			return err
		},
	}
	c.Flags().StringSliceVarP(&o.files, "file", "f", nil, "files and folders of policies; - is the standard input")
	c.Flags().StringSliceVar(&o.inputs, "input", nil, "facts document; - is the standard input")
	c.Flags().StringVar(&o.archive, "archive", "", "image archive `FILE`, as docker save writes it")
	c.Flags().StringVar(&o.layout, "layout", "", "`FOLDER` with an OCI image layout")
	c.Flags().StringVar(&o.platform, "platform", "", "only this platform of the images (default: all that the gate knows; fetched ones: this machine's)")
	c.Flags().StringVar(&o.where.Kind, "kind", "", "who asks: pull, admission or ci")
	c.Flags().StringVar(&o.where.Cluster, "cluster", "", "cluster that asks")
	c.Flags().StringVar(&o.where.Namespace, "namespace", "", "namespace that asks")
	c.Flags().BoolVar(&o.all, "all", false, "list all policies, also those that do not include the image; of all known images every one")
	c.Flags().BoolVar(&o.print, "print-input", false, "print the facts documents and judge nothing")
	return exitsOnUsage(c, exitNotFound)
}

// exitNotFound is of eval and diff: it could not be found out, as of "opa eval".
const exitNotFound = 2

func (o *evalOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.checkOutput(); err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{len(args) > 0, len(o.inputs) > 0, o.archive != "", o.layout != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return errors.New("images, --input, --archive and --layout exclude each other")
	}
	if given == 0 {
		if o.print {
			return errors.New("--print-input needs an image")
		}
		return o.known(cmd)
	}
	var set *policies.Set
	if !o.print { // faults of policies are said before anything is fetched
		var err error
		if set, err = o.policies(cmd); err != nil {
			return err
		}
	}
	subjects, err := o.subjects(cmd, args)
	if err != nil {
		return err
	}
	if o.print {
		for _, s := range subjects {
			if err := printJSON(cmd.OutOrStdout(), s.Facts); err != nil {
				return err
			}
		}
		return nil
	}
	return o.judge(cmd, set, subjects)
}

// policies compiles those that judge.
func (o *evalOptions) policies(cmd *cobra.Command) (*policies.Set, error) {
	if len(o.files) == 0 {
		c, err := o.client()
		if err != nil {
			return nil, err
		}
		return inForce(cmd.Context(), c)
	}
	sources, err := readSources(o.files, cmd)
	if err != nil {
		return nil, err
	}
	return policies.Compile(cmd.Context(), sources.Documents(), policies.Options{})
}

// inForce compiles a gate's policies here.
func inForce(ctx context.Context, c *client.Client) (*policies.Set, error) {
	docs, err := allPolicies(ctx, c)
	if err != nil {
		return nil, err
	}
	set, err := policies.Compile(ctx, docs, policies.Options{})
	if err != nil {
		return nil, fmt.Errorf("the policies in force cannot be compiled here; where their custom checks stand in files of the gate, name the folder with -f: %w", err)
	}
	return set, nil
}

func allPolicies(ctx context.Context, c *client.Client) ([]policies.Document, error) {
	listed, err := c.Policies(ctx)
	if err != nil {
		return nil, err
	}
	docs := make([]policies.Document, len(listed))
	for i, p := range listed {
		docs[i] = p.Document
	}
	return docs, nil
}

// readSources reads policies of files and folders; there must be one.
func readSources(files []string, cmd *cobra.Command) (*author.Sources, error) {
	sources, err := author.Read(files, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	if len(sources.Policies) == 0 {
		return nil, fmt.Errorf("there is no policy in %s", strings.Join(files, ", "))
	}
	return sources, nil
}

// subjects are the facts documents that are judged.
func (o *evalOptions) subjects(cmd *cobra.Command, args []string) ([]author.Subject, error) {
	ctx := cmd.Context()
	switch {
	case len(o.inputs) > 0:
		all, err := author.ReadFacts(o.inputs, cmd.InOrStdin())
		for _, s := range all {
			o.ask(&s.Facts.Context)
		}
		tellOverruled(cmd, all)
		return all, err
	case len(args) > 0 && (len(o.files) == 0 && !o.print || cmd.Flags().Changed("server") || os.Getenv("SALLYPORT_SERVER") != ""):
		return o.factsOfGate(ctx, args)
	}
	if o.where.Kind == "" {
		o.where.Kind = "ci"
	}
	sources := []scanSource{{archive: o.archive, layout: o.layout}}
	if len(args) > 0 {
		sources = nil
		for _, a := range args {
			sources = append(sources, scanSource{ref: a})
		}
	}
	platform := image.Host()
	if o.platform != "" {
		var err error
		if platform, err = image.ParsePlatform(o.platform); err != nil {
			return nil, fmt.Errorf("--platform: %w", err)
		}
	}
	var all []author.Subject
	for _, s := range sources {
		facts, err := inspectHere(ctx, s, platform, o.where)
		if err != nil {
			return nil, err
		}
		all = append(all, facts...)
	}
	return all, nil
}

// tellOverruled warns of what an author changed in a facts document in vain.
func tellOverruled(cmd *cobra.Command, subjects []author.Subject) {
	for _, s := range subjects {
		if len(s.Overruled) == 0 {
			continue
		}
		fields := s.Overruled
		if more := len(fields) - 5; more > 0 {
			fields = append(slices.Clone(fields[:5]), fmt.Sprintf("%d more", more))
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: not read, since other fields say otherwise from which it is worked out: %s\n", report.Escape(s.From), report.Escape(strings.Join(fields, ", ")))
	}
}

// ask puts in who asks, where a flag says so.
func (o *evalOptions) ask(c *policies.Context) {
	for to, from := range map[*string]string{&c.Kind: o.where.Kind, &c.Cluster: o.where.Cluster, &c.Namespace: o.where.Namespace} {
		if from != "" {
			*to = from
		}
	}
}

// factsOfGate asks the gate about images.
func (o *evalOptions) factsOfGate(ctx context.Context, names []string) ([]author.Subject, error) {
	c, err := o.client()
	if err != nil {
		return nil, err
	}
	var all []author.Subject
	for _, name := range names {
		a, err := c.Facts(ctx, name, o.where)
		if err != nil {
			return nil, err
		}
		some, err := onPlatform(a, o.platform)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// onPlatform are the facts of the platform called only, or of all.
func onPlatform(a console.FactsAnswer, only string) ([]author.Subject, error) {
	var all []author.Subject
	var have []string
	for _, f := range a.Images {
		have = append(have, f.Platform.String())
		if only == "" || only == f.Platform.String() {
			all = append(all, author.Subject{From: a.Image, Facts: f.Facts})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no image for %s, only for %s", a.Image, only, strings.Join(have, ", "))
	}
	return all, nil
}
