package store

import (
	"context"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"
)

// HasLayer tells whether the repository is known to hold the blob: its bytes
// may lie here for the sake of another one that the requester cannot see.
func (r *Repository) HasLayer(ctx context.Context, d digest.Digest) bool {
	_, err := r.store.readLink(ctx, layerLink(r.name, d))
	return err == nil
}

// AddLayer records that the repository holds the blob.
func (r *Repository) AddLayer(ctx context.Context, d digest.Digest) error {
	return r.store.writeLink(ctx, layerLink(r.name, d), d)
}

// Tag returns the digest that a tag had when it was last set, or ErrNotFound.
func (r *Repository) Tag(ctx context.Context, tag string) (digest.Digest, error) {
	return r.store.readLink(ctx, tagLink(r.name, tag))
}

// SetTag makes tag mean d.
func (r *Repository) SetTag(ctx context.Context, tag string, d digest.Digest) error {
	if err := r.store.writeLink(ctx, tagIndexLink(r.name, tag, d), d); err != nil {
		return err
	}
	return r.store.writeLink(ctx, tagLink(r.name, tag), d)
}

// revisions lists the digests of the repository's manifests.
func (r *Repository) revisions(ctx context.Context) ([]digest.Digest, error) {
	var all []digest.Digest
	algorithms, err := r.store.driver.List(ctx, revisionsPath(r.name))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the manifests of %s: %w", r.name, err)
	}
	for _, a := range algorithms {
		digests, err := r.store.driver.List(ctx, a)
		if err != nil && !missing(err) {
			return nil, fmt.Errorf("listing the manifests of %s: %w", r.name, err)
		}
		for _, p := range digests {
			d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(a)), path.Base(p))
			if d.Validate() == nil {
				all = append(all, d)
			}
		}
	}
	return all, nil
}

func (s *Store) readLink(ctx context.Context, where string) (digest.Digest, error) {
	b, err := s.driver.GetContent(ctx, where)
	if missing(err) {
		return "", fmt.Errorf("%w: %s", ErrNotFound, where)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", where, err)
	}
	d := digest.Digest(b)
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("%w: %s is damaged: %v", ErrNotFound, where, err)
	}
	return d, nil
}

func (s *Store) writeLink(ctx context.Context, where string, d digest.Digest) error {
	if err := s.put(ctx, where, []byte(d)); err != nil {
		return fmt.Errorf("writing %s: %w", where, err)
	}
	return nil
}
