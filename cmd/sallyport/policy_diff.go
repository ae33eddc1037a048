package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/report"
)

// comparison is what `policy diff -o json`, and eval of all known images, print.
type comparison struct {
	Changes  []author.Change        `json:"changes"`
	Unjudged []console.Unjudged     `json:"unjudged"`
	Summary  console.PreviewSummary `json:"summary"`
}

func newPolicyDiffCommand(r *gateway) *cobra.Command {
	var inputs []string
	var all bool
	var part string
	c := &cobra.Command{
		Use: "diff [OLD] NEW", Short: "Compare two generations of policies: which images they treat differently",
		Long: `Judges images by all policies of OLD, or by those in force, and by all of NEW, each with the built-in policies that
none of them stands in for, and lists the images whose answer flips, with the check that decides. OLD and NEW are files
or folders. The images are all that the gate knows, or the facts documents of --input.

Exit code: 0 no image that passes or waits would be denied; 1 one would; 2 it could not be found out.`,
		Example: `  sallyport policy diff policies/                       # the folder in the place of what is in force
  sallyport policy diff before/ after/ --input facts/web.json,facts/api.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := r.diff(cmd, args, inputs, part, all)
			if err == nil {
				err = d.print(cmd.OutOrStdout(), r.output)
			}
			var coded codeError
			if err != nil && !errors.As(err, &coded) {
				return codeError{exitNotFound, err}
			}
			return err
		},
	}
	c.Flags().StringSliceVar(&inputs, "input", nil, "facts document to judge; - is the standard input")
	c.Flags().StringVar(&part, "image", "", "only images whose whole name contains this")
	c.Flags().BoolVar(&all, "all", false, "list every image, not only those that flip")
	return exitsOnUsage(c, exitNotFound)
}

func (r *gateway) diff(cmd *cobra.Command, args, inputs []string, part string, all bool) (comparison, error) {
	if err := r.checkOutput(); err != nil {
		return comparison{}, err
	}
	var sides []*author.Sources
	for _, arg := range args {
		s, err := readSources([]string{arg}, cmd)
		if err != nil {
			return comparison{}, err
		}
		sides = append(sides, s)
	}
	if len(inputs) > 0 {
		return r.diffFacts(cmd, sides, inputs, all)
	}
	after, err := given(sides[len(sides)-1])
	if err != nil {
		return comparison{}, err
	}
	req := console.PreviewRequest{Policies: after, Only: true, Name: part, All: all}
	if len(sides) == 2 {
		before, err := given(sides[0])
		if err != nil {
			return comparison{}, err
		}
		req.Before = &before
	}
	return r.preview(cmd, req)
}

// diffFacts compares here, over facts documents.
func (r *gateway) diffFacts(cmd *cobra.Command, sides []*author.Sources, inputs []string, all bool) (comparison, error) {
	d := comparison{Changes: []author.Change{}, Unjudged: []console.Unjudged{}}
	ctx := cmd.Context()
	var sets []*policies.Set
	if len(sides) == 1 {
		c, err := r.client()
		if err != nil {
			return d, err
		}
		set, err := inForce(ctx, c)
		if err != nil {
			return d, err
		}
		sets = append(sets, set)
	}
	for _, s := range sides {
		docs, err := author.WithBuiltIn(s.Documents())
		if err != nil {
			return d, err
		}
		set, err := policies.Compile(ctx, docs, policies.Options{})
		if err != nil {
			return d, err
		}
		sets = append(sets, set)
	}
	subjects, err := author.ReadFacts(inputs, cmd.InOrStdin())
	if err != nil {
		return d, err
	}
	tellOverruled(cmd, subjects)
	d.Summary.Before, d.Summary.After = sets[0].Generation(), sets[1].Generation()
	for _, s := range subjects {
		c, _, err := author.Compare(ctx, sets[0], sets[1], s.Facts)
		if err != nil {
			return d, err
		}
		if s.Facts.Image.Repository == "" {
			c.Image = s.From
		}
		d.count(c)
		if all || c.Flips() {
			d.Changes = append(d.Changes, c)
		}
	}
	return d, nil
}

func (d *comparison) count(c author.Change) {
	d.Summary.Images++
	if c.Flips() {
		d.Summary.Flips++
	}
	if c.ToDenied() {
		d.Summary.ToDenied++
	}
}

// given are policies for a gate that does not have them.
func given(s *author.Sources) ([]console.GivenPolicy, error) {
	var all []console.GivenPolicy
	for _, p := range s.Policies {
		files, err := p.CheckFiles()
		if err != nil {
			return nil, err
		}
		all = append(all, console.GivenPolicy{Document: p.Document, Files: files})
	}
	return all, nil
}

// preview has the gate compare over all images that it knows.
func (r *gateway) preview(cmd *cobra.Command, req console.PreviewRequest) (comparison, error) {
	d := comparison{Changes: []author.Change{}, Unjudged: []console.Unjudged{}}
	c, err := r.client()
	if err != nil {
		return d, err
	}
	errOut := cmd.ErrOrStderr()
	clear := func() {
		if terminal(errOut) {
			fmt.Fprint(errOut, "\r\x1b[K")
		}
	}
	d.Summary, err = c.Preview(cmd.Context(), req, func(line console.PreviewLine) error {
		switch {
		case line.Change != nil:
			d.Changes = append(d.Changes, *line.Change)
		case line.Unjudged != nil:
			d.Unjudged = append(d.Unjudged, *line.Unjudged)
		case line.Progress != nil && terminal(errOut):
			fmt.Fprintf(errOut, "\r\x1b[Kjudged %d of %d images", line.Progress.Done, line.Progress.Of)
		case line.Progress != nil && line.Progress.Done%1000 == 0:
			fmt.Fprintf(errOut, "judged %d of %d images\n", line.Progress.Done, line.Progress.Of)
		}
		return nil
	})
	clear()
	slices.SortFunc(d.Changes, func(a, b author.Change) int {
		return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.Platform, b.Platform))
	})
	slices.SortFunc(d.Unjudged, func(a, b console.Unjudged) int { return cmp.Compare(a.Image, b.Image) })
	return d, err
}

// print shows what changes; the error is the exit code.
func (d comparison) print(out io.Writer, format string) error {
	if format == "json" {
		if err := printJSON(out, d); err != nil {
			return err
		}
	} else {
		if len(d.Changes) > 0 {
			if err := printChanges(out, d.Changes); err != nil {
				return err
			}
		}
		for _, u := range d.Unjudged {
			fmt.Fprintf(out, "not judged: %s: %s\n", u.Image, report.Escape(u.Reason))
		}
		fmt.Fprintf(out, "%s judged: %s, %d of them to denied", count(d.Summary.Images, "image", "images"), count(d.Summary.Flips, "flips", "flip"), d.Summary.ToDenied)
		if d.Summary.Unjudged > 0 {
			fmt.Fprintf(out, "; %d could not be judged", d.Summary.Unjudged)
		}
		fmt.Fprintln(out)
		if n := d.Summary.Unread; n > 0 {
			fmt.Fprintf(out, "%s judged without all facts that the policies read, since nobody has looked into the layers yet\n", count(n, "image was", "images were"))
		}
	}
	if d.Summary.ToDenied > 0 {
		return codeError{code: exitFailed}
	}
	return nil
}

// known judges all images that the gate knows: what would change, or, by the
// policies in force, what they say now.
func (o *evalOptions) known(cmd *cobra.Command) error {
	req := console.PreviewRequest{Policies: []console.GivenPolicy{}, All: o.all || len(o.files) == 0}
	if len(o.files) > 0 {
		sources, err := readSources(o.files, cmd)
		if err != nil {
			return err
		}
		if req.Policies, err = given(sources); err != nil {
			return err
		}
	}
	d, err := o.preview(cmd, req)
	if err != nil {
		return err
	}
	if err := d.print(cmd.OutOrStdout(), o.output); err != nil || len(o.files) > 0 {
		return err
	}
	if slices.ContainsFunc(d.Changes, func(c author.Change) bool { return c.After.Action == author.Deny }) {
		return codeError{code: exitFailed}
	}
	return nil
}
