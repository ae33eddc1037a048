package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
)

// names remembers under which tags digests were asked for, and which indexes
// lead to them. Clients fetch an image's parts by digest, and anybody may: by
// what is remembered here such a request is judged like one for the tag. A tag
// that moved on stays with its former digest.
//
// Names lie at names/<registry>/<repository>/<digest>/tag/<tag> and
// …/parent/<digest of an index>.
type names struct {
	objects *objects.Store
	epochs  *epoch.Epochs
	now     func() time.Time
	cache   *lru.Cache[string, known]
}

// known is what is remembered of one digest in one repository.
type known struct {
	tags    []string
	parents []digest.Digest
	marks   epoch.Marks
	until   time.Time
}

// Name is an image as it was asked for.
type Name struct {
	Reference image.Reference `json:"reference"` // tag and digest
	Seen      time.Time       `json:"seen"`      // first
}

const (
	namesFolder = "names"
	namesCached = 16384
	namesAge    = time.Minute
)

func newNames(store *objects.Store, epochs *epoch.Epochs, now func() time.Time) (*names, error) {
	cache, err := lru.New[string, known](namesCached)
	return &names{store, epochs, now, cache}, err
}

// namesTopic is the mark of one repository's names: a first pull elsewhere must
// not void what is remembered here.
func namesTopic(ref image.Reference) epoch.Topic {
	return epoch.Names + epoch.Topic("/"+ref.Name())
}

// record remembers that ref's digest was asked for under its tag.
func (n *names) record(ctx context.Context, ref image.Reference) error {
	k, err := n.of(ctx, ref)
	if err != nil || slices.Contains(k.tags, ref.Tag) {
		return err
	}
	err = n.objects.PutUnsynced(ctx, nameKey(ref, "tag", ref.Tag), Name{Reference: ref, Seen: n.now().UTC()})
	if err != nil {
		return fmt.Errorf("remembering the name: %w", err)
	}
	n.epochs.Advance(ctx, namesTopic(ref))
	return nil
}

// recordChildren remembers that the index ref leads to children.
func (n *names) recordChildren(ctx context.Context, ref image.Reference, children []inspect.Child) error {
	changed := false
	defer func() {
		if changed {
			n.epochs.Advance(ctx, namesTopic(ref))
		}
	}()
	for _, c := range children {
		child := ref.WithDigest(c.Digest)
		k, err := n.of(ctx, child)
		if err != nil {
			return err
		}
		if slices.Contains(k.parents, ref.Digest) {
			continue
		}
		changed = true
		if err := n.objects.PutUnsynced(ctx, nameKey(child, "parent", ref.Digest.String()), struct{}{}); err != nil {
			return fmt.Errorf("remembering the index: %w", err)
		}
	}
	return nil
}

// tags are all tags of ref's digest: its own, and those of the indexes that
// lead to it. Sorted.
func (n *names) tags(ctx context.Context, ref image.Reference) ([]string, error) {
	var tags []string
	_, err := n.climb(ctx, ref, func(k known) { tags = append(tags, k.tags...) })
	slices.Sort(tags)
	return slices.Compact(tags), err
}

// lineage are ref's digest and the indexes that lead to it.
func (n *names) lineage(ctx context.Context, ref image.Reference) ([]digest.Digest, error) {
	return n.climb(ctx, ref, func(known) {})
}

// climb visits what is known of ref's digest and of the indexes that lead to it.
func (n *names) climb(ctx context.Context, ref image.Reference, visit func(known)) ([]digest.Digest, error) {
	seen := []digest.Digest{ref.Digest}
	for i := 0; i < len(seen); i++ {
		k, err := n.of(ctx, ref.WithDigest(seen[i]))
		if err != nil {
			return nil, err
		}
		visit(k)
		for _, p := range k.parents {
			if !slices.Contains(seen, p) {
				seen = append(seen, p)
			}
		}
	}
	return seen, nil
}

// of returns what is remembered of ref's digest.
func (n *names) of(ctx context.Context, ref image.Reference) (known, error) {
	marks, markErr := n.epochs.Read(ctx, namesTopic(ref))
	key := ref.Name() + "@" + ref.Digest.String()
	if k, ok := n.cache.Get(key); ok && markErr == nil && k.marks == marks && n.now().Before(k.until) {
		return k, nil
	}
	keys, err := n.objects.List(ctx, nameKey(ref))
	if err != nil {
		return known{}, err
	}
	k := known{marks: marks, until: n.now().Add(namesAge)}
	for _, key := range keys {
		parts, err := objects.Parts(key)
		if err != nil || len(parts) != 6 {
			return known{}, fmt.Errorf("the object %s is no name: remove it", key)
		}
		switch parts[4] {
		case "tag":
			k.tags = append(k.tags, parts[5])
		case "parent":
			k.parents = append(k.parents, digest.Digest(parts[5]))
		}
	}
	if markErr == nil {
		n.cache.Add(key, k)
	}
	return k, nil
}

// all lists every image that was asked for by tag, as t, a prefix of its name,
// selects.
func (n *names) all(ctx context.Context, registry, repository string) ([]Name, error) {
	prefix := []string{namesFolder}
	if registry != "" {
		prefix = append(prefix, registry)
		if repository != "" {
			prefix = append(prefix, repository)
		}
	}
	keys, err := n.objects.List(ctx, objects.Key(prefix...))
	if err != nil {
		return nil, err
	}
	var all []Name
	for _, key := range keys {
		parts, err := objects.Parts(key)
		if err != nil || len(parts) != 6 {
			return nil, fmt.Errorf("the object %s is no name: remove it", key)
		}
		if parts[4] != "tag" {
			continue
		}
		name := Name{Reference: image.Reference{Registry: parts[1], Repository: parts[2], Digest: digest.Digest(parts[3]), Tag: parts[5]}}
		// All but the time is in the key, too; the rest a crash may have taken.
		if err := n.objects.GetJSON(ctx, key, &name); err != nil && !errors.Is(err, objects.ErrNotFound) {
			return nil, err
		}
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b Name) int {
		return strings.Compare(a.Reference.String(), b.Reference.String())
	})
	return all, nil
}

func nameKey(ref image.Reference, rest ...string) string {
	return objects.Key(append([]string{namesFolder, ref.Registry, ref.Repository, ref.Digest.String()}, rest...)...)
}
