package store

import (
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

// The folders of the layout (distribution, registry/storage/paths.go).
const (
	blobsRoot        = "/docker/registry/v2/blobs"
	repositoriesRoot = "/docker/registry/v2/repositories"
	// fillRoot holds what is not yet known to be what its digest says.
	fillRoot = "/sallyport/fill"
)

// blobAt is the reverse of blobPath.
func blobAt(p string) (digest.Digest, bool) {
	rest, ok := strings.CutPrefix(p, blobsRoot+"/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 4 || parts[3] != "data" {
		return "", false
	}
	d := digest.NewDigestFromEncoded(digest.Algorithm(parts[0]), parts[2])
	return d, d.Validate() == nil
}

func blobPath(d digest.Digest) string {
	hex := d.Encoded()
	return path.Join(blobsRoot, d.Algorithm().String(), hex[:2], hex, "data")
}

// repositoryPath is the folder of a repository: a drivers' path has no port's
// colon and no brackets, a host's name no underscore.
func repositoryPath(name string) string {
	host, rest, _ := strings.Cut(name, "/")
	host = strings.NewReplacer("[", "_.", "]", "._", ":", "_").Replace(host)
	return path.Join(repositoriesRoot, host, rest)
}

// link is what a path below repositoriesRoot means.
type link struct {
	repository string
	kind       linkKind
	tag        string
	digest     digest.Digest
}

type linkKind int

const (
	layer linkKind = iota + 1
	revision
	tagged // the tag meant the digest once
)

// linkAt is the reverse of the functions that make a link's path. It does not
// know a tag's current link, whose path says too little.
func linkAt(p string) (link, bool) {
	rest, ok := strings.CutPrefix(p, repositoriesRoot+"/")
	rest, isLink := strings.CutSuffix(rest, "/link")
	// The host's name can hold an underscore, no other component begins with one.
	host, rest, found := strings.Cut(rest, "/")
	name, inner, inside := strings.Cut(rest, "/_")
	if !ok || !isLink || !found || !inside {
		return link{}, false
	}
	l := link{repository: strings.NewReplacer("_.", "[", "._", "]", "_", ":").Replace(host) + "/" + name}
	parts := strings.Split(inner, "/")
	switch {
	case len(parts) == 3 && parts[0] == "layers":
		l.kind = layer
	case len(parts) == 4 && parts[0] == "manifests" && parts[1] == "revisions":
		l.kind = revision
	case len(parts) == 6 && parts[0] == "manifests" && parts[1] == "tags" && parts[3] == "index":
		l.kind, l.tag = tagged, parts[2]
	default:
		return link{}, false
	}
	l.digest = digest.NewDigestFromEncoded(digest.Algorithm(parts[len(parts)-2]), parts[len(parts)-1])
	return l, l.digest.Validate() == nil
}

func digestPath(d digest.Digest) string { return path.Join(d.Algorithm().String(), d.Encoded()) }

func layerLink(name string, d digest.Digest) string {
	return path.Join(repositoryPath(name), "_layers", digestPath(d), "link")
}

func revisionsPath(name string) string {
	return path.Join(repositoryPath(name), "_manifests", "revisions")
}

func revisionLink(name string, d digest.Digest) string {
	return path.Join(revisionsPath(name), digestPath(d), "link")
}

func tagPath(name, tag string) string {
	return path.Join(repositoryPath(name), "_manifests", "tags", tag)
}

func tagLink(name, tag string) string { return path.Join(tagPath(name, tag), "current", "link") }

func tagIndexLink(name, tag string, d digest.Digest) string {
	return path.Join(tagPath(name, tag), "index", digestPath(d), "link")
}
