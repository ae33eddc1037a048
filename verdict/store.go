package verdict

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
)

// ErrNone is returned for a digest of which nothing is known.
var ErrNone = errors.New("no verdict")

// Subject is the manifest that a report is about.
type Subject struct {
	Digest    digest.Digest `json:"digest"`
	MediaType string        `json:"media_type"`
	Size      int64         `json:"size"` // bytes of the manifest
}

// Store remembers verdicts and reports. It is safe for concurrent use.
type Store struct {
	objects *objects.Store
	redis   redis.UniversalClient
	epochs  *epoch.Epochs
}

// New returns the verdicts kept in store, with r and a local cache before them.
func New(store *objects.Store, r redis.UniversalClient) (*Store, error) {
	return &Store{objects: store, redis: r, epochs: epoch.New(r)}, nil
}

// Get returns the verdict of the platform manifest d, or ErrNone.
func (s *Store) Get(ctx context.Context, d digest.Digest) (Verdict, error) {
	return Verdict{}, errors.ErrUnsupported
}

// Put stores the report of a run of subject and the verdict that it amounts to.
func (s *Store) Put(ctx context.Context, subject Subject, raw []byte) (Verdict, error) {
	return Verdict{}, errors.ErrUnsupported
}

// Report returns the bytes of the report behind the verdict of d, or ErrNone.
func (s *Store) Report(ctx context.Context, d digest.Digest) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Artifact is a report as a registry holds it: an OCI image manifest with the
// image as its subject, and the blobs that it names.
type Artifact struct {
	MediaType    string // of the manifest
	ArtifactType string
	Digest       digest.Digest // of the manifest
	Manifest     []byte
	Blobs        map[digest.Digest][]byte
}

// Artifacts returns what is attached to the manifest subject: its report.
// Nothing attached is no error.
func (s *Store) Artifacts(ctx context.Context, subject digest.Digest) ([]Artifact, error) {
	return nil, errors.ErrUnsupported
}
