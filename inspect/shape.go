package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/image"
)

// Shape is Facts for those who may not need the configuration: where the
// manifest alone tells that ref is an image, and nothing more is known yet,
// Config is nil. It costs one request to the registry where Facts costs two,
// one after the other.
//
// A configuration that does not fit its manifest is not noticed here.
func (i *Inspector) Shape(ctx context.Context, ref image.Reference) (Facts, error) {
	if ref.Digest.Validate() != nil || i.memory.Contains(ref.Digest) {
		return i.Facts(ctx, ref)
	}
	if _, ok := i.kept(ctx, ref); ok {
		return i.Facts(ctx, ref)
	}
	doc, f, err := i.manifest(ctx, ref)
	if err != nil {
		return Facts{}, fmt.Errorf("inspecting %s: %w", ref, err)
	}
	if doc.isIndex() || doc.MediaType == artifactRetired || !imageConfig(doc.Config.MediaType) || doc.documentsOnly() {
		return i.Facts(ctx, ref)
	}
	f.Kind = Image
	return f, nil
}

// Ahead has the Facts of ref found out in the background, for whoever asks next.
func (i *Inspector) Ahead(ctx context.Context, ref image.Reference) {
	if !i.memory.Contains(ref.Digest) {
		i.flight(ctx, ref)
	}
}

// Gives lists the parts that some source gives.
func (i *Inspector) Gives() []Part {
	var parts []Part
	for _, s := range i.sources {
		parts = append(parts, s.Gives()...)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}
