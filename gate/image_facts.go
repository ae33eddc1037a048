package gate

import (
	"context"
	"fmt"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/policies"
)

// ImageFacts are one platform's image as the policies would read it now.
type ImageFacts struct {
	Reference  image.Reference `json:"image"` // with the digest of the platform's image
	Platform   image.Platform  `json:"platform"`
	Permission *Permission     `json:"permission,omitempty"` // a person's word, which comes before all policies
	Facts      *policies.Input `json:"facts"`                // input in every Rego package
}

// Facts gathers the facts documents of the images that ref, which has a digest,
// stands for: one, or those of an index. What is no image has none. With look,
// what nobody has found out yet about their contents is found out first, until
// ctx ends; without, it is told as unknown. No analysis is queued, no name
// remembered and nothing recorded by asking.
func (g *Gate) Facts(ctx context.Context, ref image.Reference, c policies.Context, look bool) ([]ImageFacts, error) {
	if err := ref.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("the reference has no digest: %w", err)
	}
	set, err := g.cfg.Policies(ctx)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	a := &asking{gate: g, req: Request{Reference: ref, Context: c, DryRun: true}, policies: set}
	tags, err := a.tags(ctx, ref)
	if err != nil {
		return nil, err
	}
	leaves, err := a.leaves(ctx, &Decision{})
	if err != nil {
		return nil, err
	}
	all := make([]ImageFacts, len(leaves))
	for i, l := range leaves {
		if all[i], err = a.facts(ctx, l, tags, look); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// facts is what judge would give to policies that read everything.
func (a *asking) facts(ctx context.Context, l leaf, tags []string, look bool) (ImageFacts, error) {
	f := ImageFacts{Reference: a.req.Reference.WithDigest(l.facts.Digest), Platform: l.facts.Config.Platform}
	own, err := a.gate.names.tags(ctx, f.Reference)
	if err != nil {
		return f, err
	}
	tags = union(tags, own)
	if f.Permission, _, err = a.permission(ctx, l.lineage, tags); err != nil {
		return f, err
	}
	in, known, err := a.document(ctx, l, tags)
	if err != nil {
		return f, err
	}
	f.Facts = in
	if in.Acknowledged, err = a.gate.risks.about(ctx, in.Image, l.lineage); err != nil {
		return f, err
	}
	k, err := a.known(ctx, l, look)
	if err != nil {
		return f, err
	}
	if in.Image.BaseImages, err = a.bases(ctx, k); err != nil {
		return f, err
	}
	fill(in, k)
	if known != nil {
		return f, nil
	}
	// An image that nothing can run is judged as skipped, not as one that waits.
	state, err := a.enqueue(ctx, l.facts, nil)
	if err == nil && (state.Phase == analysis.Off || state.Phase == analysis.Unsupported) {
		in.DTA.Status, in.DTA.Reason = "skipped", state.Reason
	}
	return f, nil
}

// known is what is known of an image's contents; with look, all that can be.
func (a *asking) known(ctx context.Context, l leaf, look bool) (inspect.Knowledge, error) {
	s, err := a.subject(ctx, l)
	if err != nil {
		return inspect.Knowledge{}, err
	}
	if !look {
		return a.gate.cfg.Inspector.Known(ctx, s, inspect.Parts...)
	}
	k, done, err := a.gate.cfg.Inspector.Find(ctx, s, inspect.Parts...)
	if err != nil || done == nil {
		return k, err
	}
	select {
	case <-done:
		return a.gate.cfg.Inspector.Known(ctx, s, inspect.Parts...)
	case <-ctx.Done():
		return k, fmt.Errorf("reading the layers of %s: %w", s.Reference, context.Cause(ctx))
	}
}
