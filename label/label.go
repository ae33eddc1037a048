// Package label keeps the words that people attach, in Sallyport, to images,
// repositories and registries (the scope attribute aqua.label).
//
// A target and a word enter and last as one small object each; what leaves is
// the set of words that count for an image under all names it is known by.
// They are not the labels of the image's own configuration (image.label), and
// the package judges nothing.
package label

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
)

// Labels are all labels. It is safe for concurrent use, also by several
// processes on one storage: a change is felt by the next question on each.
type Labels struct {
	objects *objects.Store
	all     *epoch.Copy[map[Target][]string] // by target, sorted
}

// Labels lie at labels/registry/<registry>/<word>,
// labels/repository/<registry>/<repository>/<word> and
// labels/image/<registry>/<repository>/<tag or digest>/<word>. The word is in
// the key, so that one listing reads all of them.
const folder = "labels"

func key(t Target, word string) string {
	switch {
	case t.Repository == "":
		return objects.Key(folder, "registry", t.Registry, word)
	case t.Which == "":
		return objects.Key(folder, "repository", t.Registry, t.Repository, word)
	}
	return objects.Key(folder, "image", t.Registry, t.Repository, t.Which, word)
}

func parseKey(key string) (t Target, word string, err error) {
	parts, err := objects.Parts(key)
	switch {
	case err == nil && len(parts) == 4 && parts[1] == "registry":
		t = Target{Registry: parts[2]}
	case err == nil && len(parts) == 5 && parts[1] == "repository":
		t = Target{Registry: parts[2], Repository: parts[3]}
	case err == nil && len(parts) == 6 && parts[1] == "image":
		t = Target{Registry: parts[2], Repository: parts[3], Which: parts[4]}
	default:
		return Target{}, "", fmt.Errorf("the object %s is no label: remove it", key)
	}
	return t, parts[len(parts)-1], nil
}

// New returns the labels kept in store; changes are felt through epochs.
func New(store *objects.Store, epochs *epoch.Epochs) (*Labels, error) {
	if store == nil || epochs == nil {
		return nil, errors.New("labels need objects and epochs")
	}
	l := &Labels{objects: store}
	l.all = epoch.NewCopy(epochs, epoch.Labels, l.load)
	return l, nil
}

// Add attaches words to t. Attaching what is attached is no error. Errors wrap
// ErrTarget, ErrWord or the storage's.
func (l *Labels) Add(ctx context.Context, t Target, words ...string) error {
	return l.change(ctx, t, words, func(key string) error { return l.objects.Put(ctx, key, []byte("{}")) })
}

// Remove takes words off t. Removing what is not attached is no error.
func (l *Labels) Remove(ctx context.Context, t Target, words ...string) error {
	return l.change(ctx, t, words, func(key string) error { return l.objects.Delete(ctx, key) })
}

func (l *Labels) change(ctx context.Context, t Target, words []string, apply func(key string) error) error {
	if err := t.Check(); err != nil {
		return err
	}
	for _, w := range words {
		if err := CheckWord(w); err != nil {
			return err
		}
	}
	// Also after an error: some of the words may be written.
	defer l.all.Changed(ctx)
	for _, w := range words {
		if err := apply(key(t, w)); err != nil {
			return fmt.Errorf("label %s of %s: %w", w, t, err)
		}
	}
	return nil
}

// List returns the labels on t itself, sorted.
func (l *Labels) List(ctx context.Context, t Target) ([]string, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	all, err := l.all.Get(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(all[t]), nil
}

// All returns every target that has labels, with them, sorted.
func (l *Labels) All(ctx context.Context) (map[Target][]string, error) {
	all, err := l.all.Get(ctx)
	if err != nil {
		return nil, err
	}
	return maps.Clone(all), nil
}

// For returns the labels that count for the image name (tag and digest of it
// are ignored): those on its registry, its repository, and on any of which,
// the tags and digests that it is known by there. Sorted, without repeats.
func (l *Labels) For(ctx context.Context, name image.Reference, which ...string) ([]string, error) {
	all, err := l.all.Get(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	t := Target{Registry: name.Registry}
	words := slices.Clone(all[t])
	t.Repository = name.Repository
	words = append(words, all[t]...)
	for _, t.Which = range which {
		if t.Which != "" {
			words = append(words, all[t]...)
		}
	}
	slices.Sort(words)
	return slices.Compact(words), nil
}

// load reads all labels.
func (l *Labels) load(ctx context.Context) (map[Target][]string, error) {
	keys, err := l.objects.List(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	all := map[Target][]string{}
	for _, key := range keys {
		t, word, err := parseKey(key)
		if err != nil {
			return nil, err
		}
		all[t] = append(all[t], word)
	}
	for _, words := range all {
		slices.Sort(words)
	}
	return all, nil
}
