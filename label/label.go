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

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
)

// Target is what a label is attached to: an image when Which is set, else a
// repository when Repository is set, else a registry.
type Target struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository,omitempty"`
	Which      string `json:"which,omitempty"` // tag or digest
}

// Image is the target of the image ref: its digest when it has one, else its tag.
func Image(ref image.Reference) Target {
	return Target{Registry: ref.Registry, Repository: ref.Repository, Which: ref.Which()}
}

// Labels are all labels. It is safe for concurrent use.
type Labels struct {
	objects *objects.Store
	epochs  *epoch.Epochs
}

// New returns the labels kept in store; changes are felt on every replica through epochs.
func New(store *objects.Store, epochs *epoch.Epochs) (*Labels, error) {
	return &Labels{objects: store, epochs: epochs}, nil
}

// Add attaches words to t. Attaching what is attached is no error.
func (l *Labels) Add(ctx context.Context, t Target, words ...string) error {
	return errors.ErrUnsupported
}

// Remove takes words off t. Removing what is not attached is no error.
func (l *Labels) Remove(ctx context.Context, t Target, words ...string) error {
	return errors.ErrUnsupported
}

// List returns the labels on t itself, sorted.
func (l *Labels) List(ctx context.Context, t Target) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// All returns every target that has labels, with them.
func (l *Labels) All(ctx context.Context) (map[Target][]string, error) {
	return nil, errors.ErrUnsupported
}

// For returns the labels that count for the image name (tag and digest of it
// are ignored): those on its registry, its repository, and on any of which,
// the tags and digests that it is known by there. Sorted, without repeats.
func (l *Labels) For(ctx context.Context, name image.Reference, which ...string) ([]string, error) {
	return nil, errors.ErrUnsupported
}
