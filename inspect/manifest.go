package inspect

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// Media types of manifests.
const (
	ociIndex        = "application/vnd.oci.image.index.v1+json"
	dockerList      = "application/vnd.docker.distribution.manifest.list.v2+json"
	ociManifest     = "application/vnd.oci.image.manifest.v1+json"
	dockerManifest  = "application/vnd.docker.distribution.manifest.v2+json"
	artifactRetired = "application/vnd.oci.artifact.manifest.v1+json" // of image-spec 1.1.0-rc, still in registries
	schema1Prefix   = "application/vnd.docker.distribution.manifest.v1+"
)

// Limits. The distribution specification lets registries refuse manifests over 4 MiB.
const (
	maxManifest = 4 << 20
	maxConfig   = 4 << 20
	maxChildren = 1000
	maxLayers   = 1000
)

// descriptor is the part of an OCI descriptor that is read here.
type descriptor struct {
	MediaType    string          `json:"mediaType"`
	Digest       digest.Digest   `json:"digest"`
	Size         int64           `json:"size"`
	Platform     *image.Platform `json:"platform"`
	ArtifactType string          `json:"artifactType"`
	Annotations  annotations     `json:"annotations"`
}

// annotations are read as far as they are strings: others are not worth a refusal.
type annotations map[string]string

func (a *annotations) UnmarshalJSON(b []byte) error {
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return nil
	}
	*a = annotations{}
	for k, v := range all {
		if s, ok := v.(string); ok {
			(*a)[k] = s
		}
	}
	return nil
}

// document is any manifest: an index has Manifests, an image Config and Layers.
type document struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	ArtifactType  string          `json:"artifactType"`
	Config        *descriptor     `json:"config"`
	Layers        []descriptor    `json:"layers"`
	Manifests     []descriptor    `json:"manifests"`
	Subject       *descriptor     `json:"subject"`
	Annotations   annotations     `json:"annotations"`
	FSLayers      json.RawMessage `json:"fsLayers"` // of schema 1
}

// parseManifest reads a manifest that a registry delivered as mediaType.
func parseManifest(mediaType string, raw []byte) (document, error) {
	var doc document
	if len(raw) > maxManifest {
		return doc, fmt.Errorf("%w: the manifest has %d bytes, at most %d are read", ErrTooLarge, len(raw), maxManifest)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return doc, fmt.Errorf("%w: the manifest: %v", ErrInvalid, err)
	}
	said := bare(mediaType)
	if strings.HasPrefix(said, schema1Prefix) || strings.HasPrefix(doc.MediaType, schema1Prefix) || doc.SchemaVersion == 1 || doc.FSLayers != nil {
		return doc, ErrSchema1
	}
	switch {
	case doc.MediaType == "":
		doc.MediaType = said // optional in OCI documents
	case known(said) && said != doc.MediaType:
		return doc, fmt.Errorf("%w: delivered as %q but calls itself %q", ErrInvalid, said, doc.MediaType)
	}
	return doc, doc.check()
}

// check refuses what clients could take for something else than the gate does
// (CVE-2021-41190), and descriptors that describe nothing.
func (doc document) check() error {
	var all []descriptor
	switch doc.MediaType {
	case ociIndex, dockerList:
		if doc.Config != nil || doc.Layers != nil {
			return fmt.Errorf("%w: it is an index and an image at once", ErrInvalid)
		}
		if len(doc.Manifests) > maxChildren {
			return fmt.Errorf("%w: the index has %d entries, at most %d are read", ErrTooLarge, len(doc.Manifests), maxChildren)
		}
		all = doc.Manifests
	case ociManifest, dockerManifest:
		if doc.Manifests != nil {
			return fmt.Errorf("%w: it is an image and an index at once", ErrInvalid)
		}
		if doc.Config == nil {
			return fmt.Errorf("%w: the manifest names no configuration", ErrInvalid)
		}
		if len(doc.Layers) > maxLayers {
			return fmt.Errorf("%w: the image has %d layers, at most %d are read", ErrTooLarge, len(doc.Layers), maxLayers)
		}
		all = append([]descriptor{*doc.Config}, doc.Layers...)
	case artifactRetired:
		if doc.Config != nil || doc.Layers != nil || doc.Manifests != nil {
			return fmt.Errorf("%w: it is an artifact and an image at once", ErrInvalid)
		}
	default:
		return fmt.Errorf("%w: manifests of type %q are not known", ErrInvalid, doc.MediaType)
	}
	if doc.Subject != nil {
		all = append(all, *doc.Subject)
	}
	for _, d := range all {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("%w: digest %q: %v", ErrInvalid, d.Digest, err)
		}
		if d.Size < 0 {
			return fmt.Errorf("%w: %s has the size %d", ErrInvalid, d.Digest, d.Size)
		}
	}
	return nil
}

func (doc document) isIndex() bool { return doc.MediaType == ociIndex || doc.MediaType == dockerList }

func (doc document) children() []Child {
	children := make([]Child, 0, len(doc.Manifests))
	for _, m := range doc.Manifests {
		child := Child{Digest: m.Digest, MediaType: m.MediaType, Size: m.Size}
		if m.Platform != nil {
			child.Platform = *m.Platform
			child.Attestation = m.Platform.Unknown()
		}
		children = append(children, child)
	}
	return children
}

func known(mediaType string) bool {
	switch mediaType {
	case ociIndex, dockerList, ociManifest, dockerManifest, artifactRetired:
		return true
	}
	return false
}

// bare is the media type of a Content-Type without its parameters.
func bare(contentType string) string {
	if t, _, err := mime.ParseMediaType(contentType); err == nil {
		return t
	}
	return contentType
}
