package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

// Chains is the source of base images: an image of which all layers are the
// lowest of another's is one of its bases. Layers are compared by what is in
// them (diff ids, as chain ids of the image specification), which runtimes
// verify when they unpack.
//
// Every image that is inspected is entered, under
// chains/<chain id>/<registry>/<repository>/<digest>, once for each repository.
type Chains struct {
	objects *objects.Store
	entered *lru.Cache[string, struct{}]
	known   func(ctx context.Context, ref image.Reference) (Facts, error)
}

const (
	chainsFolder = "chains"
	chainsFor    = time.Minute // how long a look counts: the next image that is inspected may be a base
	maxChains    = 200         // lengths that are looked up, longest first
	maxNames     = 100         // names of one base image
	chainLookups = 8           // at a time
)

// Name implements Source.
func (*Chains) Name() string { return "layers" }

// Version implements Source.
func (*Chains) Version() string { return "1" }

// Gives implements Source.
func (*Chains) Gives() []Part { return []Part{BaseImages} }

// enter remembers the image for those that are built upon it.
func (c *Chains) enter(ctx context.Context, ref image.Reference, f Facts) error {
	if f.Kind != Image || len(f.Config.Layers) == 0 {
		return nil
	}
	name := ref.Name() + "@" + ref.Digest.String()
	if _, ok := c.entered.Get(name); ok {
		return nil
	}
	ids := chainIDs(f.Config.Layers)
	if err := c.objects.Put(ctx, objects.Key(chainsFolder, ids[len(ids)-1].String(), ref.Registry, ref.Repository, ref.Digest.String()), []byte("{}")); err != nil {
		return err
	}
	c.entered.Add(name, struct{}{})
	return nil
}

// chainIDs are the chain ids of the lowest layer, the lowest two, … and all.
func chainIDs(layers []Layer) []digest.Digest {
	ids := make([]digest.Digest, len(layers))
	for i, l := range layers {
		ids[i] = l.DiffID
	}
	return identity.ChainIDs(ids)
}

// Look implements Source.
func (c *Chains) Look(ctx context.Context, _ Content, s Subject) (Finding, error) {
	f := Finding{Until: time.Now().Add(chainsFor), Parts: map[Part]string{BaseImages: ""}}
	ids := chainIDs(s.Facts.Config.Layers)
	if len(ids) < 2 {
		return f, nil // nothing lies below it
	}
	ids = ids[:len(ids)-1]
	slices.Reverse(ids)
	ids = ids[:min(len(ids), maxChains)]
	found := make([][]BaseImage, len(ids))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(chainLookups)
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = c.images(groupCtx, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return f, err
	}
	f.BaseImages = slices.Concat(found...)
	if len(f.BaseImages) > 0 {
		return f, nil
	}
	return f, c.claimed(ctx, s, &f)
}

// images are the known images whose layers have the chain id.
func (c *Chains) images(ctx context.Context, id digest.Digest) ([]BaseImage, error) {
	keys, err := c.objects.List(ctx, objects.Key(chainsFolder, id.String()))
	if err != nil {
		return nil, err
	}
	var all []BaseImage
	for _, key := range keys[:min(len(keys), maxNames)] {
		parts, err := objects.Parts(key)
		if err != nil || len(parts) != 5 {
			return nil, fmt.Errorf("the object %s is no layer chain: remove it", key)
		}
		all = append(all, BaseImage{Reference: image.Reference{Registry: parts[2], Repository: parts[3], Digest: digest.Digest(parts[4])}})
	}
	return all, nil
}

// claimed looks at what the image itself says about its base: proved when that
// image can be had and its layers are the lowest here, else only claimed.
func (c *Chains) claimed(ctx context.Context, s Subject, f *Finding) error {
	config := s.Facts.Config
	ref, err := image.Parse(config.BaseName)
	if config.BaseName == "" || err != nil {
		f.Parts[BaseImages] = "no image with its lowest layers is known, and it names none"
		if n := foreignLayers(config.History); n > 0 && n < len(config.Layers) {
			f.Parts[BaseImages] = fmt.Sprintf("no image with its lowest %d layers is known, which by its history were built before it", n)
		}
		return nil
	}
	if d := digest.Digest(config.BaseDigest); d.Validate() == nil {
		ref = ref.WithDigest(d)
		base, err := c.find(ctx, ref, config.Platform)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && below(base.Config.Layers, config.Layers):
			f.BaseImages = []BaseImage{{Reference: ref}, {Reference: ref.WithDigest(base.Digest)}}
			if base.Digest == d {
				f.BaseImages = f.BaseImages[:1]
			}
			return nil
		case err == nil:
			f.Parts[BaseImages] = fmt.Sprintf("it says that it is built on %s, whose layers are not its lowest", ref)
			return nil
		}
	}
	f.BaseImages = []BaseImage{{Reference: ref, Claimed: true}}
	f.Parts[BaseImages] = fmt.Sprintf("it says that it is built on %s, which nothing proves: no image with its lowest layers is known", ref)
	return nil
}

// find returns the facts of the image ref, of an index the one for p.
func (c *Chains) find(ctx context.Context, ref image.Reference, p image.Platform) (Facts, error) {
	f, err := c.known(ctx, ref)
	if err != nil || f.Kind == Image {
		return f, err
	}
	for _, child := range f.Children {
		if child.Platform.OS == p.OS && child.Platform.Architecture == p.Architecture && child.Platform.Variant == p.Variant {
			if f, err = c.known(ctx, ref.WithDigest(child.Digest)); err != nil || f.Kind == Image {
				return f, err
			}
		}
	}
	return Facts{}, errors.New("it has no image for the platform")
}

// below tells whether the layers of base are the lowest of layers, and not all.
func below(base, layers []Layer) bool {
	return len(base) > 0 && len(base) < len(layers) &&
		slices.EqualFunc(base, layers[:len(base)], func(a, b Layer) bool { return a.DiffID == b.DiffID })
}

// foreignLayers is how many layers a history has from before BuildKit began
// the image; 0 when it does not say.
func foreignLayers(history []Step) int {
	n := 0
	for _, step := range history {
		if strings.HasPrefix(step.Comment, "buildkit.") {
			return n
		}
		if !step.Empty {
			n++
		}
	}
	return 0
}
