package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
)

const (
	maxImages = 64 // of one index that are judged
	maxDepth  = 3  // of an index within an index
	parallel  = 8  // children inspected at a time
)

// ErrIndex is of indexes that cannot be judged within limits.
var ErrIndex = errors.New("the index is too large to be judged")

// asking is one question on its way to its answer.
type asking struct {
	gate      *Gate
	req       Request
	policies  Policies
	degraded  bool
	until     time.Time   // from when on the answer may be another without any mark having changed
	transient bool        // the answer is not to be given again
	local     atomic.Bool // a permission for some namespace has a say: the answer is not for others
	unblocked bool        // no person's word decides: what remains is to judge
	ahead     bool        // the image's facts are wanted soon, and were not read for this answer
	named     chan error  // gets the error of remembering the name; nil when there is nothing to remember
}

// leaf is one platform's image in what was asked about.
type leaf struct {
	facts    inspect.Facts   // Config is nil where only the manifest was read
	lineage  []digest.Digest // itself, and the indexes that lead to it
	platform image.Platform  // as far as it is known
}

func newLeaf(f inspect.Facts, lineage []digest.Digest, said image.Platform) leaf {
	if f.Config != nil {
		said = f.Config.Platform
	}
	return leaf{f, lineage, said}
}

// answer makes the decision, without id and message.
func (a *asking) answer(ctx context.Context) (Decision, error) {
	ref := a.req.Reference
	d := Decision{Action: Allow, Reference: ref, Judged: []Judged{}, Generation: a.policies.Generation(), Degraded: a.degraded}

	tags, err := a.tags(ctx, ref)
	if err != nil {
		return d, err
	}
	p, until, err := a.permission(ctx, []digest.Digest{ref.Digest}, tags)
	if err != nil {
		return d, err
	}
	a.shorten(until)
	if p != nil {
		return a.permitted(d, p), nil
	}

	a.unblocked = true
	leaves, err := a.leaves(ctx, &d)
	if err != nil {
		return d, err
	}
	opinions := make([]opinion, len(leaves))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, l := range leaves {
		group.Go(func() (err error) {
			opinions[i], err = a.judge(groupCtx, l, tags)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return d, err
	}
	for _, o := range opinions {
		a.combine(&d, o)
	}
	return d, nil
}

// tags are all tags under which ref is known, the one it was asked for among
// them, which is remembered: whoever later asks for the digest alone means an
// image of that tag. It is written down while the image is judged; remembered
// must be called before anybody is answered.
func (a *asking) tags(ctx context.Context, ref image.Reference) ([]string, error) {
	tags, err := a.gate.names.tags(ctx, ref)
	if err != nil {
		return nil, err
	}
	if ref.Tag != "" && !a.req.DryRun {
		a.named = make(chan error, 1)
		go func() { a.named <- a.gate.names.record(ctx, ref) }()
	}
	if ref.Tag != "" && !slices.Contains(tags, ref.Tag) {
		tags = append(slices.Clip(tags), ref.Tag)
	}
	return tags, nil
}

// remembered waits until the name is written down.
func (a *asking) remembered() error {
	if a.named == nil {
		return nil
	}
	return <-a.named
}

// permission is what a person said about the image known by digests and tags,
// and when that changes by itself.
func (a *asking) permission(ctx context.Context, digests []digest.Digest, tags []string) (*Permission, time.Time, error) {
	if a.req.DryRun && a.req.PoliciesOnly {
		return nil, time.Time{}, nil
	}
	which := slices.Clone(tags)
	for _, d := range digests {
		which = append(which, d.String())
	}
	p, until, local, err := a.gate.permissions.find(ctx, a.req.Reference, which, a.req.Context)
	if local {
		a.local.Store(true)
	}
	return p, until, err
}

// permitted is the decision by a person's word.
func (a *asking) permitted(d Decision, p *Permission) Decision {
	d.Action, d.Permission = p.Action, p.String()
	if p.Action == Allow {
		d.Warnings = append(d.Warnings, "not judged: "+d.Permission)
	}
	return d
}

// leaves finds the images that ref stands for, and says in d what passes unjudged.
func (a *asking) leaves(ctx context.Context, d *Decision) ([]leaf, error) {
	facts, err := a.inspect(ctx, a.req.Reference)
	if err != nil {
		return nil, err
	}
	switch facts.Kind {
	case inspect.Artifact:
		d.Passed = facts.Artifact
		return nil, nil
	case inspect.Image:
		// It is about to be pulled, and may be what others are built upon.
		a.ahead = facts.Config == nil
		return []leaf{newLeaf(facts, []digest.Digest{facts.Digest}, image.Platform{})}, nil
	}
	var all []leaf
	err = a.descend(ctx, d, facts, []digest.Digest{facts.Digest}, &all)
	return all, err
}

// inspect says what ref is. A pull waits for no more than its manifest: the
// policies may not read what is in the image.
func (a *asking) inspect(ctx context.Context, ref image.Reference) (inspect.Facts, error) {
	if a.req.Context.Kind == "pull" && !a.req.DryRun {
		return a.gate.cfg.Inspector.Shape(ctx, ref)
	}
	return a.gate.cfg.Inspector.Facts(ctx, ref)
}

// descend adds the images of an index. Entries that no engine chooses and
// artifacts pass; what is really in them is judged when it is asked for itself.
func (a *asking) descend(ctx context.Context, d *Decision, index inspect.Facts, lineage []digest.Digest, all *[]leaf) error {
	if len(lineage) > maxDepth {
		return fmt.Errorf("%w: indexes within indexes more than %d deep", ErrIndex, maxDepth)
	}
	if !a.req.DryRun {
		if err := a.gate.names.recordChildren(ctx, a.req.Reference.WithDigest(index.Digest), index.Children); err != nil {
			return err
		}
	}
	children := slices.DeleteFunc(slices.Clone(index.Children), func(c inspect.Child) bool { return c.Attestation })
	if len(children) > maxImages {
		return fmt.Errorf("%w: it has %d images, at most %d are judged", ErrIndex, len(children), maxImages)
	}
	found := make([]*inspect.Facts, len(children))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, c := range children {
		group.Go(func() error {
			f, err := a.inspect(groupCtx, a.req.Reference.WithDigest(c.Digest))
			if errors.Is(err, inspect.ErrMissing) {
				return nil // nobody can pull it either
			}
			found[i] = &f
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, f := range found {
		switch {
		case f == nil:
			a.transient = true
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s (%s) of the index is not in the registry, and was not judged", children[i].Digest, children[i].Platform))
		case f.Kind == inspect.Index:
			if err := a.descend(ctx, d, *f, append(slices.Clip(lineage), f.Digest), all); err != nil {
				return err
			}
		case f.Kind == inspect.Image:
			*all = append(*all, newLeaf(*f, append(slices.Clip(lineage), f.Digest), children[i].Platform))
		}
		if len(*all) > maxImages {
			return fmt.Errorf("%w: more than %d images", ErrIndex, maxImages)
		}
	}
	return nil
}

// combine makes the decision the worst of its images.
func (a *asking) combine(d *Decision, o opinion) {
	d.Judged = append(d.Judged, o.judged)
	d.Warnings = append(d.Warnings, o.warnings...)
	if d.Permission == "" {
		d.Permission = o.permission
	}
	if o.gathering != nil {
		d.gathering = o.gathering
	}
	a.shorten(o.until)
	a.transient = a.transient || o.transient
	if !worse(o.action, d.Action) {
		return
	}
	d.Action, d.Policy, d.Control, d.Finding = o.action, o.policy, o.control, o.finding
	d.State, d.RetryAfter, d.Permission, d.Reason = o.state, o.retryAfter, o.permission, o.reason
}

func (a *asking) shorten(until time.Time) {
	if !until.IsZero() && until.Before(a.until) {
		a.until = until
	}
}

func worse(a, b Action) bool {
	order := []Action{Allow, Wait, Deny}
	return slices.Index(order, a) > slices.Index(order, b)
}
