package gate

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
)

// Known lists every image that was asked about by tag, sorted.
func (g *Gate) Known(ctx context.Context) ([]Name, error) { return g.names.all(ctx, "", "") }

// Recheck decides again about every image known under t, so that what a new
// label or policy wants analysed is queued now. It returns their decisions;
// the error joins the faults of images that could not be decided.
func (g *Gate) Recheck(ctx context.Context, t label.Target) ([]Decision, error) {
	all, err := g.names.all(ctx, t.Registry, t.Repository)
	if err != nil {
		return nil, err
	}
	decisions := make([]Decision, len(all))
	faults := make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, name := range all {
		if t.Which != "" && t.Which != name.Reference.Tag && t.Which != name.Reference.Digest.String() {
			continue
		}
		group.Go(func() error {
			decisions[i], faults[i] = g.Decide(ctx, Request{Reference: name.Reference, Context: policies.Context{Kind: "pull"}, Client: "sallyport", Audit: "recheck of " + t.String()})
			return nil
		})
	}
	_ = group.Wait() // each image has its own error
	made := decisions[:0]
	for _, d := range decisions {
		if d.ID != "" {
			made = append(made, d)
		}
	}
	return made, errors.Join(faults...)
}
