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

func tagLink(name, tag string) string {
	return path.Join(repositoryPath(name), "_manifests", "tags", tag, "current", "link")
}

func tagIndexLink(name, tag string, d digest.Digest) string {
	return path.Join(repositoryPath(name), "_manifests", "tags", tag, "index", digestPath(d), "link")
}
