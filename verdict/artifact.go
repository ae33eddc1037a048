package verdict

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sallyport-dev/sallyport/report"
)

// Artifact is a report as a registry holds it: an OCI image manifest with the
// image as its subject, and the blobs that it names.
type Artifact struct {
	MediaType    string // of the manifest
	ArtifactType string
	Digest       digest.Digest // of the manifest
	Manifest     []byte
	Blobs        map[digest.Digest][]byte
}

// Artifacts returns what is attached to the manifest subject: the report of its
// last run. Nothing attached is no error.
func (s *Store) Artifacts(ctx context.Context, subject digest.Digest) ([]Artifact, error) {
	v, err := s.Get(ctx, subject)
	if err == nil && v.Report == "" || errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := s.report(ctx, v)
	if err != nil {
		return nil, err
	}
	// The manifest is a function of the verdict alone, so that its digest stays
	// the same however often and wherever it is asked for.
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: report.MediaType,
		Config:       ocispec.DescriptorEmptyJSON,
		Layers:       []ocispec.Descriptor{{MediaType: report.MediaType, Digest: v.Report, Size: int64(len(raw))}},
		Subject:      &ocispec.Descriptor{MediaType: v.Subject.MediaType, Digest: v.Digest, Size: v.Subject.Size},
		Annotations: map[string]string{
			ocispec.AnnotationCreated:         v.Time.UTC().Format(time.RFC3339),
			"dev.sallyport.report.conclusion": string(v.Conclusion),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("attaching the report of %s: %w", subject, err)
	}
	return []Artifact{{
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: report.MediaType,
		Digest:       digest.FromBytes(manifest),
		Manifest:     manifest,
		Blobs: map[digest.Digest][]byte{
			ocispec.DescriptorEmptyJSON.Digest: ocispec.DescriptorEmptyJSON.Data,
			v.Report:                           raw,
		},
	}}, nil
}
