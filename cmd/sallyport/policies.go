package main

import (
	"context"
	"fmt"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// shelf is the library of policies with its changes felt on every replica by
// the next request.
type shelf struct {
	library *library.Library
	marks   *epoch.Copy[struct{}]
}

func newShelf(l *library.Library, epochs *epoch.Epochs) *shelf {
	return &shelf{l, epoch.NewCopy(epochs, epoch.Policies, func(ctx context.Context) (struct{}, error) {
		// On an error the last good generation stays in force; the library has
		// logged and counted it.
		_ = l.Reload(ctx)
		return struct{}{}, ctx.Err()
	})}
}

// current is the generation in force now.
func (s *shelf) current(ctx context.Context) (gate.Policies, error) {
	if _, err := s.marks.Get(ctx); err != nil {
		return nil, err
	}
	return s.library.Current(), nil
}

// List implements console.Policies.
func (s *shelf) List(context.Context) ([]library.Entry, error) { return s.library.List(), nil }

// Get implements console.Policies.
func (s *shelf) Get(_ context.Context, name string) (library.Entry, error) {
	return s.library.Get(name)
}

// Sources implements console.Policies.
func (s *shelf) Sources(context.Context) ([]library.Source, error) { return s.library.Sources(), nil }

// Create implements console.Policies. A document may stand in the place of a built-in one.
func (s *shelf) Create(ctx context.Context, d policies.Document) error {
	if e, err := s.library.Get(d.Name); err == nil && e.Shelf != library.BuiltIn {
		return fmt.Errorf("%w: there is a policy %q already, change that one", library.ErrReadOnly, d.Name)
	}
	return s.apply(ctx, d)
}

// Update implements console.Policies.
func (s *shelf) Update(ctx context.Context, d policies.Document) error {
	if _, err := s.library.Get(d.Name); err != nil {
		return err
	}
	return s.apply(ctx, d)
}

func (s *shelf) apply(ctx context.Context, d policies.Document) error {
	if err := s.library.Apply(ctx, d); err != nil {
		return err
	}
	s.marks.Changed(ctx)
	return nil
}

// Delete implements console.Policies.
func (s *shelf) Delete(ctx context.Context, name string) error {
	if err := s.library.Delete(ctx, name); err != nil {
		return err
	}
	s.marks.Changed(ctx)
	return nil
}

// bundles are where policies come from in archives.
func bundles(cfg config.Config) []bundle.Config { return bundlesOf(cfg.Policies.Bundles) }

func bundlesOf(list []config.Bundle) []bundle.Config {
	var all []bundle.Config
	for _, b := range list {
		all = append(all, bundle.Config{
			URL: b.URL, Keys: bundle.KeySettings{Key: b.Key, KeyID: b.KeyID, Algorithm: b.Algorithm},
			Poll: b.Poll, Token: b.Token, Username: b.Username, Password: b.Password, CA: b.CA,
		})
	}
	return all
}
