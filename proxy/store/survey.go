package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Survey is what the store holds, as far as names tell.
type Survey struct {
	Blobs     map[digest.Digest]Blob // manifests are blobs too
	Manifests []Held
	Layers    map[string][]digest.Digest // by repository: which blobs it is known to hold
}

// Blob is a stored blob.
type Blob struct {
	Size    int64 // bytes
	Changed time.Time
}

// Held is a manifest that a repository holds.
type Held struct {
	Repository string // registry/path
	Digest     digest.Digest
	Used       time.Time // when it was last stored or touched, by the storage's clock
	Tags       []string  // that meant it once, sorted; Repository.Tag tells what they mean now
}

// Survey lists everything. Blobs are listed first: one that no manifest listed
// here names was stored for a manifest that came later only if it is young.
func (s *Store) Survey(ctx context.Context) (Survey, error) {
	v := Survey{Blobs: map[digest.Digest]Blob{}, Layers: map[string][]digest.Digest{}}
	err := s.walk(ctx, blobsRoot, func(e entry) {
		if d, ok := blobAt(e.path); ok {
			v.Blobs[d] = Blob{Size: e.size, Changed: e.changed}
		}
	})
	if err != nil {
		return v, fmt.Errorf("listing the blobs in the %s storage: %w", s.driver.Name(), err)
	}
	type key struct {
		repository string
		digest     digest.Digest
	}
	at, tags := map[key]int{}, map[key][]string{}
	err = s.walk(ctx, repositoriesRoot, func(e entry) {
		l, ok := linkAt(e.path)
		if !ok {
			return
		}
		k := key{l.repository, l.digest}
		switch l.kind {
		case layer:
			v.Layers[l.repository] = append(v.Layers[l.repository], l.digest)
		case revision:
			at[k] = len(v.Manifests)
			v.Manifests = append(v.Manifests, Held{Repository: l.repository, Digest: l.digest, Used: e.changed})
		case tagged:
			tags[k] = append(tags[k], l.tag)
		}
	})
	if err != nil {
		return v, fmt.Errorf("listing the repositories in the %s storage: %w", s.driver.Name(), err)
	}
	for k, names := range tags {
		if i, ok := at[k]; ok {
			slices.Sort(names)
			v.Manifests[i].Tags = names
		}
	}
	return v, nil
}

// Used tells when the manifest was last stored or touched, or ErrNotFound.
func (r *Repository) Used(ctx context.Context, d digest.Digest) (time.Time, error) {
	fi, err := r.store.driver.Stat(ctx, revisionLink(r.name, d))
	if err != nil {
		return time.Time{}, r.store.failed("looking up", d, err)
	}
	return fi.ModTime(), nil
}

// Touch records that the manifest is in use now, which is the time by the
// caller's clock; storage elsewhere uses its own. What is not stored any more,
// because another process took it away, is not known here any more either: it
// is fetched, and stored, when it is asked for next.
func (r *Repository) Touch(ctx context.Context, d digest.Digest, now time.Time) error {
	err := r.store.touch(ctx, revisionLink(r.name, d), d, now)
	if errors.Is(err, ErrNotFound) {
		r.forget(d)
		return nil
	}
	if err != nil {
		return fmt.Errorf("recording the use of %s@%s: %w", r.name, d, err)
	}
	return nil
}

// Remove takes a manifest from the repository: the tags that mean it, then its
// link. Its bytes and blobs stay until nobody names them.
func (r *Repository) Remove(ctx context.Context, m Held) error {
	for _, tag := range m.Tags {
		folder := path.Dir(tagIndexLink(r.name, tag, m.Digest))
		current, err := r.Tag(ctx, tag)
		if err == nil && current == m.Digest || errors.Is(err, ErrNotFound) {
			folder = tagPath(r.name, tag)
		} else if err != nil {
			return err
		}
		if err := r.store.remove(ctx, folder); err != nil {
			return fmt.Errorf("removing the tag %s:%s: %w", r.name, tag, err)
		}
	}
	if err := r.store.remove(ctx, path.Dir(revisionLink(r.name, m.Digest))); err != nil {
		return fmt.Errorf("removing %s@%s: %w", r.name, m.Digest, err)
	}
	r.forget(m.Digest)
	return nil
}

// RemoveLayer forgets that the repository holds the blob.
func (r *Repository) RemoveLayer(ctx context.Context, d digest.Digest) error {
	if err := r.store.remove(ctx, path.Dir(layerLink(r.name, d))); err != nil {
		return fmt.Errorf("removing %s from %s: %w", d, r.name, err)
	}
	return nil
}

// RemoveBlob deletes a blob's bytes, unless they are being read here, or were
// stored again since b was seen.
func (s *Store) RemoveBlob(ctx context.Context, d digest.Digest, b Blob) (removed bool, err error) {
	if s.reading.now(d) {
		return false, nil
	}
	fi, err := s.driver.Stat(ctx, blobPath(d))
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, s.failed("looking up", d, err)
	}
	if fi.ModTime().After(b.Changed) {
		return false, nil
	}
	if err := s.remove(ctx, path.Dir(blobPath(d))); err != nil {
		return false, s.failed("removing", d, err)
	}
	return true, nil
}

// ReadManifest returns the manifest d whichever repository holds it, or
// ErrNotFound when it is not there, or no manifest.
func (s *Store) ReadManifest(ctx context.Context, d digest.Digest) (Manifest, error) {
	raw, err := s.driver.GetContent(ctx, blobPath(d))
	if err != nil {
		return Manifest{}, s.failed("reading", d, err)
	}
	if d.Algorithm().FromBytes(raw) != d {
		return Manifest{}, fmt.Errorf("%w: the stored bytes of %s are damaged", ErrNotFound, d)
	}
	m, err := Parse("", d, raw)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return m, nil
}

// leftFor is how long what an evicted manifest names is still known: who got it
// a moment ago goes on to ask for its blobs, which can be fetched again.
const leftFor = time.Hour

// forget takes a manifest out of the index, and what it names after a while.
func (r *Repository) forget(d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known[d] {
		return
	}
	delete(r.known, d)
	now := r.store.now()
	old := map[digest.Digest]bool{}
	for m, left := range r.left {
		if now.Sub(left) > leftFor {
			old[m] = true
			delete(r.left, m)
		}
	}
	r.left[d] = now
	if len(old) == 0 {
		return
	}
	for blob, names := range r.naming {
		names = slices.DeleteFunc(names, func(n Named) bool { return old[n.Manifest] })
		if len(names) == 0 {
			delete(r.naming, blob)
		} else {
			r.naming[blob] = names
		}
	}
}
