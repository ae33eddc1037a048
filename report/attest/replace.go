package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Bounds on what is read of what lies beside an image, which others write, too.
const (
	maxReferrers = 200
	maxStatement = 8 << 20 // bytes of one, in its envelope
)

// replaced is the statements about an image of one kind that a key signed.
type replaced struct {
	subject   name.Digest
	key       *Key
	predicate string
	options   []remote.Option
}

// referrers takes away those that are referrers, except for the one at latest.
func (r replaced) referrers(latest name.Digest) error {
	list, err := r.listed(latest)
	if err != nil || len(list) == 0 {
		return err
	}
	errs := []error{r.unlist(list)}
	for _, d := range list {
		if err := remote.Delete(r.subject.Context().Digest(d.String()), r.options...); err != nil && !missing(err) {
			errs = append(errs, err)
		}
	}
	// What counts is what verifiers find. A registry may keep what it does not list.
	left, err := r.listed(latest)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%w: %v: %w", ErrStays, left, errors.Join(errs...))
	}
	return err
}

// listed finds them by what the registry lists, and looks into each: only what
// bears the key's signature is ours.
func (r replaced) listed(latest name.Digest) ([]v1.Hash, error) {
	index, err := remote.Referrers(r.subject, append(slices.Clone(r.options), remote.WithFilter("artifactType", BundleType))...)
	if err != nil {
		return nil, fmt.Errorf("%w: looking for it: %w", ErrStays, err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("%w: looking for it: %w", ErrStays, err)
	}
	var list []v1.Hash
	for _, d := range m.Manifests[:min(len(m.Manifests), maxReferrers)] {
		note, told := d.Annotations[predicateNote]
		if d.Digest.String() == latest.DigestStr() || told && note != r.predicate {
			continue
		}
		ours, err := r.bundle(d.Digest)
		switch {
		case missing(err): // an entry that outlived its manifest
		case err != nil:
			return nil, fmt.Errorf("%w: looking into %s: %w", ErrStays, d.Digest, err)
		case ours:
			list = append(list, d.Digest)
		}
	}
	return list, nil
}

// bundle tells whether the artifact at h is a bundle that is ours.
func (r replaced) bundle(h v1.Hash) (bool, error) {
	got, err := remote.Get(r.subject.Context().Digest(h.String()), r.options...)
	if err != nil {
		return false, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	if err != nil || len(m.Layers) != 1 || m.Layers[0].MediaType != BundleType || m.Layers[0].Size > maxStatement {
		return false, nil
	}
	l, err := remote.Layer(r.subject.Context().Digest(m.Layers[0].Digest.String()), r.options...)
	if err != nil {
		return false, err
	}
	raw, err := content(l)
	if err != nil {
		return false, err
	}
	var b Bundle
	if json.Unmarshal(raw, &b) != nil {
		return false, nil
	}
	return r.signed(b.Envelope), nil
}

// signed tells whether the envelope holds a statement of this kind that the key signed.
func (r replaced) signed(e dsse.Envelope) bool {
	statement, err := e.DecodeB64Payload()
	if err != nil || !r.key.signed(e) {
		return false
	}
	predicate, err := predicateOf(statement)
	return err == nil && predicate == r.predicate
}

// unlist takes them out of the index that stands in for the referrers API
// (distribution-spec, "Referrers Tag Schema"), if there is one.
func (r replaced) unlist(list []v1.Hash) error {
	tag := r.subject.Context().Tag(strings.Replace(r.subject.DigestStr(), ":", "-", 1))
	got, err := remote.Get(tag, r.options...)
	if missing(err) || err == nil && got.MediaType != types.OCIImageIndex {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := v1.ParseIndexManifest(bytes.NewReader(got.Manifest))
	if err != nil {
		return err
	}
	before := len(m.Manifests)
	m.Manifests = slices.DeleteFunc(m.Manifests, func(d v1.Descriptor) bool { return slices.Contains(list, d.Digest) })
	if len(m.Manifests) == before {
		return nil
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return remote.Put(tag, index(raw), r.options...)
}

// index is an image index as it is sent.
type index []byte

// RawManifest implements remote.Taggable.
func (i index) RawManifest() ([]byte, error) { return i, nil }

// MediaType tells registries what it is.
func (i index) MediaType() (types.MediaType, error) { return types.OCIImageIndex, nil }

// content reads a layer of at most maxStatement bytes, as it lies in the registry.
func content(l v1.Layer) ([]byte, error) {
	r, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxStatement))
}

// missing tells whether err says that a registry has no such thing.
func missing(err error) bool {
	var t *transport.Error
	return errors.As(err, &t) && t.StatusCode == http.StatusNotFound
}
