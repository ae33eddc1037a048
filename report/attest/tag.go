package attest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// EnvelopeType is the media type of a statement under the tag of cosign.
const EnvelopeType = "application/vnd.dsse.envelope.v1+json"

// Annotations of cosign's on what lies under its tag.
const (
	signatureNote    = "dev.cosignproject.cosign/signature" // empty: it is in the envelope
	oldPredicateNote = "predicateType"
)

// Tag is where cosign before version 3, and what is built on it, looks for
// statements about an image: an image whose layers are DSSE envelopes.
func Tag(subject name.Digest) name.Tag {
	return subject.Context().Tag(strings.Replace(subject.DigestStr(), ":", "-", 1) + ".att")
}

// tag puts the statement under the Tag of the image instead of ours that are
// there; what others said stays. Where none of ours is, it does so only if asked to.
func (r replaced) tag(a Attachment) error {
	at := Tag(r.subject)
	fail := func(err error) error {
		if a.Tag {
			return fmt.Errorf("%w at %s, nor this one put there: %w", ErrStays, at, err)
		}
		return fmt.Errorf("%w at %s: %w", ErrStays, at, err)
	}
	before, err := remote.Image(at, r.options...)
	if missing(err) && !a.Tag {
		return nil
	}
	var others []mutate.Addendum
	ours := false
	if err == nil {
		others, ours, err = r.others(before)
	}
	switch {
	case err != nil && !missing(err):
		return fail(err)
	case !a.Tag && !ours:
		return nil
	}
	envelope, err := json.Marshal(a.Bundle.Envelope)
	if err != nil {
		return fail(err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, append(others, mutate.Addendum{
		Layer: static.NewLayer(envelope, EnvelopeType), MediaType: EnvelopeType,
		Annotations: map[string]string{signatureNote: "", oldPredicateNote: r.predicate},
	})...)
	if err == nil {
		err = remote.Write(at, img, r.options...)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// others is the layers of img that are not ours.
func (r replaced) others(img v1.Image) (list []mutate.Addendum, ours bool, err error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, false, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, false, err
	}
	if len(layers) > maxReferrers || len(layers) != len(m.Layers) {
		return nil, false, fmt.Errorf("it has %d layers, more than the %d that are looked at", len(layers), maxReferrers)
	}
	for i, d := range m.Layers {
		if d.MediaType == EnvelopeType && d.Annotations[oldPredicateNote] == r.predicate && d.Size <= maxStatement {
			raw, err := content(layers[i])
			if err != nil {
				return nil, false, err
			}
			var e dsse.Envelope
			if json.Unmarshal(raw, &e) == nil && r.signed(e) {
				ours = true
				continue
			}
		}
		list = append(list, mutate.Addendum{Layer: layers[i], Annotations: d.Annotations, MediaType: d.MediaType})
	}
	return list, ours, nil
}
