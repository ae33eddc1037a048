package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Tags lists the tags of the repository that were set, sorted.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	folders, err := r.store.driver.List(ctx, tagsPath(r.name))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the tags of %s: %w", r.name, err)
	}
	tags := make([]string, 0, len(folders))
	for _, f := range folders {
		tag := path.Base(f)
		if _, err := r.Tag(ctx, tag); errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, nil
}

// Referrers returns the list of referrers that was kept for a manifest, or
// ErrNotFound.
func (r *Repository) Referrers(ctx context.Context, subject digest.Digest) ([]byte, error) {
	raw, err := r.store.driver.GetContent(ctx, referrersPath(r.name, subject))
	if missing(err) {
		return nil, fmt.Errorf("%w: referrers of %s", ErrNotFound, subject)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the referrers of %s: %w", subject, err)
	}
	return raw, nil
}

// KeepReferrers keeps a list of referrers of a manifest, which need not be here.
func (r *Repository) KeepReferrers(ctx context.Context, subject digest.Digest, raw []byte) error {
	if err := r.store.driver.PutContent(ctx, referrersPath(r.name, subject), raw); err != nil {
		return fmt.Errorf("keeping the referrers of %s: %w", subject, err)
	}
	return nil
}

func tagsPath(name string) string { return path.Join(repositoryPath(name), "_manifests", "tags") }

func referrersPath(name string, subject digest.Digest) string {
	return path.Join(repositoryPath(name), "_referrers", digestPath(subject), "list")
}
