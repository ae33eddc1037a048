package image

import (
	"errors"
	"fmt"
	"strings"

	_ "crypto/sha256" // digest.SHA256, in use wherever references are
	_ "crypto/sha512" // digest.SHA512, allowed by the image specification
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// DockerHub is the normalised name of Docker's public registry.
const DockerHub = "docker.io"

// ErrReference is what every error of Parse and New wraps.
var ErrReference = errors.New("not an image reference")

// Reference names an image in a registry. The zero value is not a valid reference.
//
// It is always in normal form: Docker Hub's aliases are "docker.io", its
// official images carry "library/", the registry is lower case without scheme,
// trailing slash or a redundant ":443". At least one of Tag and Digest is set;
// when both are, Digest decides and Tag only tells how it was called.
type Reference struct {
	Registry   string        `json:"registry"`         // host or host:port
	Repository string        `json:"repository"`       // path, e.g. "library/nginx"
	Tag        string        `json:"tag,omitempty"`    // e.g. "1.27"
	Digest     digest.Digest `json:"digest,omitempty"` // e.g. "sha256:…"
}

// Parse reads a reference as people write it ("nginx", "ghcr.io/a/b:c",
// "localhost:5000/x@sha256:…"). Without tag and digest the tag is "latest".
// Errors wrap ErrReference and name the text.
func Parse(s string) (Reference, error) {
	text := strings.TrimSpace(s)
	if i := strings.Index(text, "://"); i >= 0 {
		return Reference{}, fmt.Errorf("%w: %q: leave out %q", ErrReference, s, text[:i+3])
	}
	host, rest, ok := strings.Cut(text, "/")
	if ok && looksLikeHost(host) {
		// Hosts are case-insensitive, repositories are not: lower only the host.
		text = NormalRegistry(host) + "/" + rest
	}
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: %q: %v", ErrReference, s, err)
	}
	r := Reference{Registry: NormalRegistry(reference.Domain(named)), Repository: reference.Path(named)}
	if !looksLikeHost(r.Registry) {
		// An upper-case first component passes for a host elsewhere; lowered, the
		// same text would name a repository of Docker Hub.
		return Reference{}, fmt.Errorf("%w: %q: %q is neither a host (no dot, no port) nor lower case", ErrReference, s, host)
	}
	if r.Registry == DockerHub && !strings.Contains(r.Repository, "/") {
		r.Repository = "library/" + r.Repository
	}
	if t, ok := named.(reference.Tagged); ok {
		r.Tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		r.Digest = d.Digest()
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	return r, nil
}

// New puts a reference together from the parts of a registry request: registry
// is a host, repository a path, which a tag or a digest. Errors wrap ErrReference.
func New(registry, repository, which string) (Reference, error) {
	sep := ":"
	if strings.Contains(which, ":") {
		sep = "@"
	}
	return Parse(NormalRegistry(registry) + "/" + repository + sep + which)
}

// NormalRegistry gives the one spelling of a registry host that the whole
// module uses.
func NormalRegistry(host string) string {
	h := strings.ToLower(strings.TrimSpace(host))
	h = strings.TrimPrefix(strings.TrimPrefix(h, "https://"), "http://")
	h, _, _ = strings.Cut(h, "/") // Docker's own configuration says https://index.docker.io/v1/
	h = strings.TrimSuffix(h, ":443")
	switch h {
	case "", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com", "docker.com":
		return DockerHub
	}
	return h
}

// Name is registry and repository without tag or digest.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// Which is what a registry is asked for: the digest when known, else the tag.
func (r Reference) Which() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// String is the whole reference: registry/repository[:tag][@digest].
func (r Reference) String() string {
	var b strings.Builder
	b.WriteString(r.Name())
	if r.Tag != "" {
		b.WriteString(":" + r.Tag)
	}
	if r.Digest != "" {
		b.WriteString("@" + r.Digest.String())
	}
	return b.String()
}

// ScopeName is the value that the scope attribute image.name is matched with:
// repository and tag without the registry, or repository@digest where no tag is known.
func (r Reference) ScopeName() string {
	if r.Tag != "" {
		return r.Repository + ":" + r.Tag
	}
	return r.Repository + "@" + r.Digest.String()
}

// WithDigest is the reference bound to the digest d.
func (r Reference) WithDigest(d digest.Digest) Reference {
	r.Digest = d
	return r
}

// Behind turns a reference as a client of the gate writes it into the image
// that it means: when the registry is one of gates, the first path component
// that isUpstream knows becomes the registry, else fallback does. A reference
// that does not go through the gate is returned as it is.
func (r Reference) Behind(gates []string, isUpstream func(registry string) bool, fallback string) Reference {
	for _, g := range gates {
		if r.Registry != NormalRegistry(g) {
			continue
		}
		first, rest, ok := strings.Cut(r.Repository, "/")
		if ok && isUpstream(NormalRegistry(first)) {
			r.Registry, r.Repository = NormalRegistry(first), rest
		} else {
			r.Registry = NormalRegistry(fallback)
		}
		if r.Registry == DockerHub && !strings.Contains(r.Repository, "/") {
			r.Repository = "library/" + r.Repository
		}
		return r
	}
	return r
}

func looksLikeHost(s string) bool {
	return strings.ContainsAny(s, ".:") || strings.EqualFold(s, "localhost")
}
