package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

// relistAfter bounds how often the manifests of a repository are listed again
// for a blob that no known manifest names: another replica may have stored it.
const relistAfter = time.Second

// Repository is one repository of one registry. It is safe for concurrent use.
type Repository struct {
	store *Store
	name  string

	mu     sync.Mutex
	known  map[digest.Digest]bool      // manifests in the index
	left   map[digest.Digest]time.Time // manifests that were evicted, and when; naming still has them
	naming map[digest.Digest][]Named   // by blob, last used manifest last
	listed time.Time
}

// Named says that a manifest names a blob.
type Named struct {
	Manifest digest.Digest
	Size     int64 // of the blob, as this manifest says
}

// Repository returns the repository with the name registry/path, in normal
// form; it need not exist.
func (s *Store) Repository(name string) *Repository {
	if old, ok := s.repositories.Get(name); ok {
		return old
	}
	r := &Repository{store: s, name: name, known: map[digest.Digest]bool{}, left: map[digest.Digest]time.Time{}, naming: map[digest.Digest][]Named{}}
	if old, ok, _ := s.repositories.PeekOrAdd(name, r); ok {
		return old
	}
	return r
}

// Manifest returns a manifest that the repository holds, or ErrNotFound.
func (r *Repository) Manifest(ctx context.Context, d digest.Digest) (Manifest, error) {
	r.mu.Lock()
	known := r.known[d]
	r.mu.Unlock()
	if known {
		if m, ok := r.store.recent.get(r.name, d); ok {
			return m, nil
		}
	} else {
		if _, err := r.store.readLink(ctx, revisionLink(r.name, d)); err != nil {
			return Manifest{}, err
		}
	}
	raw, err := r.store.driver.GetContent(ctx, blobPath(d))
	if err != nil {
		return Manifest{}, r.store.failed("reading", d, err)
	}
	if d.Algorithm().FromBytes(raw) != d {
		return Manifest{}, fmt.Errorf("%w: the stored bytes of %s are damaged", ErrNotFound, d)
	}
	m, err := Parse("", d, raw)
	if err != nil {
		return Manifest{}, err
	}
	if !known {
		r.index(m)
	}
	r.store.recent.add(r.name, m)
	return m, nil
}

// Know has a manifest whose digest was checked found here, in this process,
// until it is stored.
func (r *Repository) Know(m Manifest) {
	r.index(m)
	r.store.recent.add(r.name, m)
}

// Add stores a manifest whose digest was checked. What it names is known
// afterwards even if it could not be stored; the manifest itself is not.
func (r *Repository) Add(ctx context.Context, m Manifest) (err error) {
	r.Know(m)
	defer func() {
		if err != nil {
			r.store.recent.remove(r.name, m.Digest)
		}
	}()
	if err := r.store.put(ctx, blobPath(m.Digest), m.Raw); err != nil {
		return fmt.Errorf("storing the manifest %s: %w", m.Digest, err)
	}
	r.store.trust(m.Digest)
	return r.store.writeLink(ctx, revisionLink(r.name, m.Digest), m.Digest)
}

// Naming returns the manifests of the repository that name the blob, last used
// first.
func (r *Repository) Naming(ctx context.Context, blob digest.Digest) ([]Named, error) {
	if n := r.lookup(blob); n != nil {
		return n, nil
	}
	if err := r.relist(ctx); err != nil {
		return nil, err
	}
	return r.lookup(blob), nil
}

// Names tells whether a manifest is known that names the blob.
func (r *Repository) Names(blob digest.Digest) bool { return len(r.lookup(blob)) > 0 }

// Relist makes known what any process stored before it was called. It may have
// to wait for that, as long as a listing is used.
func (r *Repository) Relist(ctx context.Context) error {
	asked := r.store.now()
	for range 3 { // a clock that was set back must not make it more
		if err := r.relist(ctx); err != nil {
			return err
		}
		r.mu.Lock()
		listed := r.listed
		r.mu.Unlock()
		if !listed.Before(asked) {
			return nil
		}
		select {
		case <-time.After(min(relistAfter, max(time.Millisecond, relistAfter-r.store.now().Sub(listed)))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Manifests lists the digests of the repository's manifests.
func (r *Repository) Manifests(ctx context.Context) ([]digest.Digest, error) {
	if err := r.relist(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]digest.Digest, 0, len(r.known))
	for d := range r.known {
		all = append(all, d)
	}
	slices.Sort(all)
	return all, nil
}

// Use tells that the manifest is being pulled: its blobs are about to be asked for.
func (r *Repository) Use(m Manifest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range m.Blobs {
		n := r.naming[b.Digest]
		if i := slices.IndexFunc(n, func(n Named) bool { return n.Manifest == m.Digest }); i >= 0 && i < len(n)-1 {
			used := n[i]
			r.naming[b.Digest] = append(slices.Delete(n, i, i+1), used)
		}
	}
}

func (r *Repository) lookup(blob digest.Digest) []Named {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := slices.Clone(r.naming[blob])
	slices.Reverse(n)
	return n
}

func (r *Repository) index(m Manifest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[m.Digest] {
		return
	}
	r.known[m.Digest] = true
	if _, ok := r.left[m.Digest]; ok {
		delete(r.left, m.Digest)
		return // naming has it
	}
	seen := map[digest.Digest]bool{} // a manifest may name a layer twice
	for _, b := range m.Blobs {
		if !seen[b.Digest] {
			seen[b.Digest] = true
			r.naming[b.Digest] = append(r.naming[b.Digest], Named{Manifest: m.Digest, Size: b.Size})
		}
	}
}

// relist reads the stored manifests that are not in the index yet.
func (r *Repository) relist(ctx context.Context) error {
	now := r.store.now()
	r.mu.Lock()
	if age := now.Sub(r.listed); !r.listed.IsZero() && age >= 0 && age < relistAfter {
		r.mu.Unlock()
		return nil
	}
	r.mu.Unlock()
	stored, err := r.revisions(ctx)
	if err != nil {
		return err
	}
	for _, d := range stored {
		// One damaged or foreign manifest must not hide the others.
		if _, err := r.Manifest(ctx, d); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrSchema1) {
			return err
		}
	}
	r.mu.Lock()
	r.listed = now
	r.mu.Unlock()
	return nil
}
