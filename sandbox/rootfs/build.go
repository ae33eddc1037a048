package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	spool, err := newSpool(filepath.Dir(dst))
	if err != nil {
		return nil, err
	}
	defer spool.close()
	u := &unpacker{tree: newTree(), spool: spool, limits: limits.withDefaults()}
	var total int64
	for i, descriptor := range manifest.Layers {
		u.tree.layer = i + 1
		u.layer = descriptor.Digest.String()
		if err := unpackLayer(ctx, u, img, descriptor.Digest, diffIDs[i], &total); err != nil {
			return nil, layerError(ctx, u.layer, err)
		}
	}
	if err := spool.flush(); err != nil {
		return nil, err
	}
	if err := writeImage(ctx, dst, u.tree, spool.file); err != nil {
		return nil, fmt.Errorf("writing %s: %w", dst, err)
	}
	return Open(dst)
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
	var full *os.PathError // writing to the spool, not reading the layer
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
