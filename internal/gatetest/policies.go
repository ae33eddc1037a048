package gatetest

import (
	"context"
	"fmt"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// Policies is the world's library as the console wants it.
type Policies struct{ Library *library.Library }

// List lists all documents.
func (p Policies) List(context.Context) ([]library.Entry, error) { return p.Library.List(), nil }

// Get returns one document.
func (p Policies) Get(_ context.Context, name string) (library.Entry, error) {
	return p.Library.Get(name)
}

// Sources lists the places that documents come from.
func (p Policies) Sources(context.Context) ([]library.Source, error) { return p.Library.Sources(), nil }

// Create adds a document that is not there, or only built in.
func (p Policies) Create(ctx context.Context, d policies.Document) error {
	if e, err := p.Library.Get(d.Name); err == nil && e.Shelf != library.BuiltIn {
		return fmt.Errorf("%w: there is a policy %q already", library.ErrReadOnly, d.Name)
	}
	return p.Library.Apply(ctx, d)
}

// Update replaces a document that is there.
func (p Policies) Update(ctx context.Context, d policies.Document) error {
	if _, err := p.Library.Get(d.Name); err != nil {
		return err
	}
	return p.Library.Apply(ctx, d)
}

// Delete takes a document away.
func (p Policies) Delete(ctx context.Context, name string) error { return p.Library.Delete(ctx, name) }
