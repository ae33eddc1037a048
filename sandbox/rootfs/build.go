package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Build squashes the layers of img into the EROFS file dst, which it creates
// or replaces only when it succeeds.
//
// Errors: *LayerError when a layer is not what its digest or diff ID says or
// is no tar; *LimitError when the image is larger than limits allow.
func Build(ctx context.Context, img v1.Image, dst string, limits Limits) (*Root, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) != len(manifest.Layers) {
		return nil, fmt.Errorf("the manifest has %d layers, but the configuration lists %d", len(manifest.Layers), len(diffIDs))
	}
	partial := dst + ".partial"
	t, err := squash(ctx, img, diffIDs, manifest, partial, limits.withDefaults())
	if err != nil {
		os.Remove(partial)
		return nil, err
	}
	if err := os.Rename(partial, dst); err != nil {
		return nil, err
	}
	root, err := Open(dst)
	if err != nil {
		return nil, err
	}
	if root.programs, root.more, err = t.programs(ctx); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// squash writes the image's layers to the file dst.
func squash(ctx context.Context, img v1.Image, diffIDs []v1.Hash, manifest *v1.Manifest, dst string, limits Limits) (*tree, error) {
	b, err := createBlocks(dst)
	if err != nil {
		return nil, err
	}
	defer b.file.Close()
	u := &unpacker{tree: newTree(), blocks: b, limits: limits}
	var total int64
	for i, descriptor := range manifest.Layers {
		u.tree.layer = i + 1
		u.layer = descriptor.Digest.String()
		if err := unpackLayer(ctx, u, img, descriptor.Digest, diffIDs[i], &total); err != nil {
			return nil, layerError(ctx, u.layer, err)
		}
	}
	if err := writeTree(ctx, b, u.tree); err != nil {
		return nil, fmt.Errorf("writing %s: %w", dst, err)
	}
	return u.tree, b.file.Close()
}

func unpackLayer(ctx context.Context, u *unpacker, img v1.Image, digest, diffID v1.Hash, total *int64) error {
	layer, err := img.LayerByDigest(digest)
	if err != nil {
		return err
	}
	s, err := openLayer(ctx, u, layer, total)
	if err != nil {
		return err
	}
	defer s.close()
	if err := u.apply(ctx, s); err != nil {
		return err
	}
	return s.verify(digest, diffID)
}

// layerError says which layer it was, unless err does already or the layer is
// not to blame.
func layerError(ctx context.Context, layer string, err error) error {
	var limit *LimitError
	var full *os.PathError // writing the image, not reading the layer
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &limit):
		return limit
	case errors.As(err, &full):
		return err
	}
	return &LayerError{Layer: layer, Err: err}
}
