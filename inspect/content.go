package inspect

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// Content reads what registries hold, verified: bytes of a digest always have
// that digest. It is safe for concurrent use.
type Content interface {
	// Manifest returns a manifest or index. ref has a tag or a digest (which
	// wins). The returned descriptor's digest is that of raw. Errors wrap
	// ErrMissing when the registry answers that there is no such manifest.
	Manifest(ctx context.Context, ref image.Reference) (Manifest, error)
	// Blob opens a blob of ref's repository. The caller closes it.
	Blob(ctx context.Context, ref image.Reference, d digest.Digest) (io.ReadCloser, error)
	// Referrers lists what is attached to the manifest with ref's digest in its
	// repository, none where the registry keeps no such list.
	Referrers(ctx context.Context, ref image.Reference) ([]Referrer, error)
}

// Referrer is one manifest that is attached to another.
type Referrer struct {
	MediaType    string
	Digest       digest.Digest
	ArtifactType string
}

// Manifest is a manifest or an index as the registry has it.
type Manifest struct {
	MediaType string
	Digest    digest.Digest
	Raw       []byte
}
