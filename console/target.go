package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/label"
)

// The kinds of target, where a request says which it means.
const (
	kindImage      = "image"
	kindRepository = "repository"
	kindRegistry   = "registry"
)

// target reads what a person writes for an image, a repository or a registry.
// Without kind the text decides: a tag or digest makes it an image, a path a
// repository, a lone host name a registry. Names that go through the gate mean
// what lies behind it.
func (c *Console) target(text, kind string) (label.Target, error) {
	text = strings.TrimSpace(text)
	if kind == "" {
		kind = guessKind(text)
	}
	switch kind {
	case kindRegistry:
		return c.registry(text)
	case kindImage:
		ref, err := c.reference(text)
		return label.Image(ref), err
	case kindRepository:
		if tagged(text) {
			return label.Target{}, problem(http.StatusBadRequest, "%q names an image: leave out the tag to mean its repository", text)
		}
		// "localhost:5000/demo.test" is the path of an upstream, not of a
		// repository of the default one: with anything below it, it names a registry.
		if below, err := c.reference(text + "/x"); err == nil && below.Repository == "x" && strings.Contains(text, "/") {
			return label.Registry(below.Registry), nil
		}
		ref, err := c.reference(text)
		return label.Repository(ref), err
	}
	return label.Target{}, problem(http.StatusBadRequest, "kind %.30q: write %q, %q or %q", kind, kindImage, kindRepository, kindRegistry)
}

func guessKind(text string) string {
	host, rest, slash := strings.Cut(text, "/")
	switch {
	case (!slash || rest == "") && likeHost(host):
		return kindRegistry
	case tagged(text):
		return kindImage
	}
	return kindRepository
}

// likeHost tells "ghcr.io" and "localhost:5000" from "nginx" and "redis:7".
func likeHost(s string) bool {
	name, _, _ := strings.Cut(s, ":")
	return strings.Contains(name, ".") || strings.EqualFold(name, "localhost") || strings.HasPrefix(s, "[")
}

func tagged(text string) bool {
	return strings.Contains(text, "@") || strings.Contains(text[strings.LastIndex(text, "/")+1:], ":")
}

func (c *Console) registry(text string) (label.Target, error) {
	host := image.NormalRegistry(text)
	if ref, err := image.New(host, "a/b", "c"); err != nil || ref.Registry != host {
		return label.Target{}, fmt.Errorf("%w: %q is not the host name of a registry", label.ErrTarget, text)
	}
	ref, err := c.reference(host + "/sallyport.invalid/a:b")
	if err == nil && ref.Registry != host {
		return label.Target{}, problem(http.StatusBadRequest, "%s is this gate: name the registry behind it, e.g. %s", host, image.DockerHub)
	}
	return label.Registry(host), nil
}

// reference reads the name of an image.
func (c *Console) reference(text string) (image.Reference, error) {
	// As a name it would be an image of Docker Hub's, called sha256.
	if _, err := digest.Parse(text); err == nil {
		return image.Reference{}, problem(http.StatusBadRequest, "%s is a digest alone: write REPOSITORY@%[1]s", text)
	}
	ref, err := image.Parse(text)
	if err != nil {
		return image.Reference{}, err
	}
	return c.cfg.Behind(ref), nil
}

// patience is how long upstreams may take to say what a tag means.
const patience = 10 * time.Second

// find gives ref its digest: the one that its tag means now, or, when upstream
// does not say, the one that it was last asked about with.
func (c *Console) find(ctx context.Context, ref image.Reference) (image.Reference, error) {
	if ref.Digest != "" {
		return ref, nil
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, err := c.parts.Resolver.Resolve(asking, ref)
	if err == nil {
		return now, nil
	}
	known, knownErr := c.parts.Gate.Known(ctx)
	if knownErr != nil {
		return image.Reference{}, errors.Join(err, knownErr)
	}
	if n, ok := latest(known)[label.Tag(ref)]; ok {
		return n.Reference, nil
	}
	return image.Reference{}, problem(http.StatusNotFound, "%s was never asked about here, and its registry does not tell its digest: %w", ref, err)
}

// latest keeps of each tag the digest that came last.
func latest(known []gate.Name) map[label.Target]gate.Name {
	last := map[label.Target]gate.Name{}
	for _, n := range known {
		t := label.Tag(n.Reference)
		if have, ok := last[t]; !ok || n.Seen.After(have.Seen) {
			last[t] = n
		}
	}
	return last
}

// sorted lists names by reference.
func sorted(names map[label.Target]gate.Name) []gate.Name {
	list := make([]gate.Name, 0, len(names))
	for _, n := range names {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b gate.Name) int {
		return strings.Compare(a.Reference.String(), b.Reference.String())
	})
	return list
}
