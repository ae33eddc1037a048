package registrytest

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Contents is what one repository holds, sorted.
type Contents struct {
	Tags      []string
	Manifests []string // digests
	Blobs     []string // digests that a manifest names
	Subjects  []string // digests that a manifest refers to
}

// Contents returns what the repository holds at the moment. Blobs that no
// manifest names are left out: nobody can be asked whether they may be had.
func (g *Registry) Contents(name string) Contents {
	g.mu.Lock()
	defer g.mu.Unlock()
	repo := g.repository(name)
	blobs, subjects := map[string]bool{}, map[string]bool{}
	for _, m := range repo.manifests {
		for _, l := range m.doc.Layers {
			blobs[l.Digest.String()] = true
		}
		if m.doc.Config != nil {
			blobs[m.doc.Config.Digest.String()] = true
		}
		if m.doc.Subject != nil {
			subjects[m.doc.Subject.Digest.String()] = true
		}
	}
	maps.DeleteFunc(blobs, func(d string, _ bool) bool { return repo.blobs[digest.Digest(d)] == nil })
	c := Contents{Tags: slices.Sorted(maps.Keys(repo.tags)), Blobs: slices.Sorted(maps.Keys(blobs)), Subjects: slices.Sorted(maps.Keys(subjects))}
	for d := range repo.manifests {
		c.Manifests = append(c.Manifests, d.String())
	}
	slices.Sort(c.Manifests)
	return c
}
