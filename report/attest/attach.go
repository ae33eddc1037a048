package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attachment is a signed statement on its way to an image.
type Attachment struct {
	Bundle Bundle
	Key    *Key      // that signed it; what it signed before is taken away
	Now    time.Time // that the annotation says: when it was attached
	Tag    bool      // also under cosign's older tag, see Tag
}

// ErrStays is wrapped by the error of Attach when the statement was attached and
// an earlier one could not be taken away: a verifier that takes any may take that.
var ErrStays = errors.New("an earlier statement could not be taken away")

// Attach puts a statement beside the image subject, as an OCI 1.1 referrer as
// cosign lays it out (its BUNDLE_SPEC.md); in a registry without the referrers
// API also under the tag that stands in for it. Then it takes away what the same
// key said about the image before: verifiers are content with any statement that
// passes. It returns the reference of what it put there. Errors are the
// registry's; one that wraps ErrStays comes with the reference.
func Attach(ctx context.Context, subject name.Digest, a Attachment, options ...remote.Option) (name.Digest, error) {
	fail := func(err error) (name.Digest, error) {
		return name.Digest{}, fmt.Errorf("attaching a statement to %s: %w", subject, err)
	}
	predicate, err := a.Bundle.predicate()
	if err != nil {
		return fail(err)
	}
	raw, err := json.Marshal(a.Bundle)
	if err != nil {
		return fail(err)
	}
	options = append(options, remote.WithContext(ctx), remote.WithUserAgent("sallyport"))
	of, err := remote.Head(subject, options...)
	if err != nil {
		return fail(err)
	}
	layer := static.NewLayer(raw, BundleType)
	empty := static.NewLayer(ocispec.DescriptorEmptyJSON.Data, ocispec.MediaTypeEmptyJSON)
	for _, l := range []v1.Layer{layer, empty} {
		if err := remote.WriteLayer(subject.Context(), l, options...); err != nil {
			return fail(err)
		}
	}
	m, err := manifest(*of, layer, empty, map[string]string{
		"dev.sigstore.bundle.content": "dsse-envelope",
		predicateNote:                 predicate,
		ocispec.AnnotationCreated:     a.Now.UTC().Format(time.RFC3339),
	})
	if err != nil {
		return fail(err)
	}
	hash, err := m.digest()
	if err != nil {
		return fail(err)
	}
	at := subject.Context().Digest(hash.String())
	if err := remote.Put(at, m, options...); err != nil {
		return fail(err)
	}
	earlier := replaced{subject, a.Key, predicate, options}
	if err := errors.Join(earlier.referrers(at), earlier.tag(a)); err != nil {
		return at, fmt.Errorf("attaching a statement to %s: %w", subject, err)
	}
	return at, nil
}

// predicateNote is the annotation by which verifiers choose bundles.
const predicateNote = "dev.sigstore.bundle.predicateType"

// artifact is a manifest as it is sent.
type artifact []byte

// RawManifest implements remote.Taggable.
func (a artifact) RawManifest() ([]byte, error) { return a, nil }

// MediaType tells registries what it is.
func (a artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func (a artifact) digest() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(a))
	return h, err
}

func manifest(subject v1.Descriptor, layer, config v1.Layer, notes map[string]string) (artifact, error) {
	m := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: BundleType, Annotations: notes,
		Subject: &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
	}
	var err error
	if m.Config, err = descriptor(config); err != nil {
		return nil, err
	}
	d, err := descriptor(layer)
	if err != nil {
		return nil, err
	}
	m.Layers = []v1.Descriptor{d}
	return json.Marshal(m)
}

func descriptor(l v1.Layer) (d v1.Descriptor, err error) {
	if d.MediaType, err = l.MediaType(); err != nil {
		return d, err
	}
	if d.Digest, err = l.Digest(); err != nil {
		return d, err
	}
	d.Size, err = l.Size()
	return d, err
}
