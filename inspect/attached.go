package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/inspect/packages"
	"github.com/sallyport-dev/sallyport/inspect/sbom"
)

// Attached is the source of what SBOMs say that are attached to an image: as
// referrers (OCI 1.1), as attestations beside it in its index (BuildKit), or
// under the tags of cosign.
//
// They are foreign and their signatures are not verified: they are claims.
// They add packages to what the image's own databases list, which no system
// package manager knows (those of languages), and licences of packages of
// which the image says none; they take nothing away.
type Attached struct{}

// attachedFor is how long a look counts: anybody may attach something later.
const attachedFor = time.Hour

const (
	maxAttached      = 16       // documents that are read
	maxAttachedBytes = 64 << 20 // of them together
)

// Name implements Source.
func (Attached) Name() string { return "sbom" }

// Version implements Source.
func (Attached) Version() string { return "1" }

// Gives implements Source.
func (Attached) Gives() []Part { return []Part{Packages} }

// Claims implements Claims.
func (Attached) Claims() bool { return true }

// Look implements Source.
func (Attached) Look(ctx context.Context, content Content, s Subject) (Finding, error) {
	f := Finding{Until: time.Now().Add(attachedFor), Parts: map[Part]string{Packages: ""}}
	l := look{content: content, subject: s}
	manifests, err := l.find(ctx)
	if err != nil {
		return f, err
	}
	for _, m := range manifests {
		if err := l.read(ctx, m); err != nil {
			return f, err
		}
	}
	if f.Packages, err = packages.Tidy(l.packages); err != nil {
		f.Parts[Packages], f.Packages = oneLine(err.Error()), nil
	}
	if l.documents == 0 {
		f.Parts[Packages] = "no SBOM is attached"
		if l.refused != nil {
			f.Parts[Packages] = "no attached SBOM is readable: " + oneLine(l.refused.Error())
		}
	}
	return f, nil
}

// look is one look at what is attached.
type look struct {
	content   Content
	subject   Subject
	packages  []packages.Package
	documents int // that were SBOMs about the image
	opened    int
	bytes     int64
	refused   error // the last
}

// find lists the manifests that may hold an SBOM.
func (l *look) find(ctx context.Context) ([]Manifest, error) {
	ref := l.subject.Reference
	referrers, err := l.content.Referrers(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("listing what is attached to %s: %w", ref, err)
	}
	var digests []digest.Digest
	for _, r := range referrers {
		if mayHoldSBOM(r.ArtifactType) {
			digests = append(digests, r.Digest)
		}
	}
	for _, d := range l.subject.Indexes {
		beside, err := l.beside(ctx, d)
		if err != nil {
			return nil, err
		}
		digests = append(digests, beside...)
	}
	var all []Manifest
	for _, d := range digests[:min(len(digests), maxAttached)] {
		m, err := l.content.Manifest(ctx, ref.WithDigest(d))
		if errors.Is(err, ErrMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	for _, suffix := range []string{".att", ".sbom"} {
		tagged := ref
		tagged.Digest, tagged.Tag = "", ref.Digest.Algorithm().String()+"-"+ref.Digest.Encoded()+suffix
		m, err := l.content.Manifest(ctx, tagged)
		if err == nil {
			all = append(all, m)
		} else if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// Registries answer in many ways that there is no such tag.
	}
	return all, nil
}

func mayHoldSBOM(artifactType string) bool {
	for _, part := range []string{"spdx", "cyclonedx", "in-toto", "dsse", "sbom", "sigstore.bundle"} {
		if strings.Contains(artifactType, part) {
			return true
		}
	}
	return artifactType == ""
}

// beside lists the attestations about the image in its index d, as BuildKit puts them.
func (l *look) beside(ctx context.Context, d digest.Digest) ([]digest.Digest, error) {
	m, err := l.content.Manifest(ctx, l.subject.Reference.WithDigest(d))
	if errors.Is(err, ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := parseManifest(m.MediaType, m.Raw)
	if err != nil {
		return nil, nil // judged when it is asked for
	}
	var all []digest.Digest
	for _, child := range doc.Manifests {
		if child.Annotations["vnd.docker.reference.type"] == "attestation-manifest" && child.Annotations["vnd.docker.reference.digest"] == l.subject.Reference.Digest.String() {
			all = append(all, child.Digest)
		}
	}
	return all, nil
}

// read reads the SBOMs among the layers of a manifest.
func (l *look) read(ctx context.Context, m Manifest) error {
	doc, err := parseManifest(m.MediaType, m.Raw)
	if err != nil || doc.isIndex() {
		l.refused = err
		return nil
	}
	ref := l.subject.Reference.WithDigest(m.Digest)
	for _, layer := range doc.Layers {
		predicate := layer.Annotations["in-toto.io/predicate-type"] + layer.Annotations["predicateType"]
		if !mayHoldSBOM(layer.MediaType) || predicate != "" && !mayHoldSBOM(strings.ToLower(predicate)) {
			continue
		}
		if l.opened++; l.opened > maxAttached || layer.Size > sbom.MaxBytes || l.bytes+layer.Size > maxAttachedBytes {
			l.refused = fmt.Errorf("%w: more than %d documents or %d bytes are attached", ErrTooLarge, maxAttached, maxAttachedBytes)
			return nil
		}
		l.bytes += layer.Size
		b, err := readBlob(ctx, l.content, ref, layer, sbom.MaxBytes)
		if err != nil {
			if errors.Is(err, ErrMismatch) || errors.Is(err, ErrTooLarge) {
				l.refused = err
				continue
			}
			return err
		}
		found, err := sbom.Read(b, l.subject.Reference.Digest)
		if err != nil {
			l.refused = err
			continue
		}
		l.documents++
		l.packages = append(l.packages, found...)
	}
	return nil
}
