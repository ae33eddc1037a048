package store

import (
	"context"
	"fmt"
	"slices"
)

// Repositories lists the names (registry/path) of the repositories of which a
// manifest is held, sorted. It reads all names in the storage.
func (s *Store) Repositories(ctx context.Context) ([]string, error) {
	found := map[string]bool{}
	err := s.walk(ctx, repositoriesRoot, func(e entry) {
		if l, ok := linkAt(e.path); ok && l.kind == revision {
			found[l.repository] = true
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listing the repositories in the %s storage: %w", s.driver.Name(), err)
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
