package store

import (
	_ "crypto/sha256" // digest.SHA256
	_ "crypto/sha512" // digest.SHA512, which the image specification allows
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
)

// Media types of the manifests that are served. Others are refused, since
// what cannot be read cannot be judged.
const (
	OCIIndex       = "application/vnd.oci.image.index.v1+json"
	OCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	OCIArtifact    = "application/vnd.oci.artifact.manifest.v1+json" // of image-spec 1.1.0-rc, still about
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

	schema1 = "application/vnd.docker.distribution.manifest.v1+"
)

var (
	// ErrSchema1 is wrapped for manifests of Docker's first format, which name
	// no configuration and can be read in two ways.
	ErrSchema1 = errors.New("the manifest is of Docker's schema 1, which is not served: push the image again with a current client")
	// ErrInvalid is wrapped for what is no manifest, or is two at once.
	ErrInvalid = errors.New("the manifest is not valid")
)

// mediaType is the grammar of RFC 6838, section 4.2. It is made when it is first
// used: it is large, and every process of a sandbox is this program, too.
var mediaType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)
})

// Manifest is a manifest or an index with what it names.
type Manifest struct {
	MediaType string
	Digest    digest.Digest
	Raw       []byte
	Blobs     []Descriptor // configuration and layers
	Children  []Descriptor // manifests of an index
}

// Descriptor names bytes.
type Descriptor struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
	URLs      []string      `json:"urls"` // where a foreign layer is to be fetched from
}

// Foreign tells whether the descriptor is of a layer that a registry need not
// hold (image specification, "Non-distributable layers").
func (d Descriptor) Foreign() bool {
	return len(d.URLs) > 0 || strings.Contains(d.MediaType, ".nondistributable.") || strings.Contains(d.MediaType, ".foreign.")
}

// Blob returns the descriptor of a blob that the manifest names.
func (m Manifest) Blob(d digest.Digest) (Descriptor, bool) {
	for _, b := range m.Blobs {
		if b.Digest == d {
			return b, true
		}
	}
	return Descriptor{}, false
}

// Parse reads a manifest that has the digest d and was delivered as
// contentType, which may be empty. Errors wrap ErrSchema1 or ErrInvalid.
func Parse(contentType string, d digest.Digest, raw []byte) (Manifest, error) {
	var doc struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Config        *Descriptor     `json:"config"`
		Layers        []Descriptor    `json:"layers"`
		Manifests     []Descriptor    `json:"manifests"`
		Blobs         []Descriptor    `json:"blobs"`
		FSLayers      json.RawMessage `json:"fsLayers"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return Manifest{}, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	said, _, _ := mime.ParseMediaType(contentType)
	if strings.HasPrefix(said, schema1) || strings.HasPrefix(doc.MediaType, schema1) || doc.SchemaVersion == 1 || doc.FSLayers != nil {
		return Manifest{}, ErrSchema1
	}
	m := Manifest{MediaType: doc.MediaType, Digest: d, Raw: raw}
	if m.MediaType == "" {
		// Optional in OCI's formats, and not kept by the layout: told by what
		// the document holds, so that it does not depend on who delivered it.
		m.MediaType = OCIManifest
		if doc.Manifests != nil {
			m.MediaType = OCIIndex
		}
	}
	isIndex, isImage := doc.Manifests != nil, doc.Config != nil || doc.Layers != nil
	switch m.MediaType {
	case OCIIndex, DockerList:
		// A client that trusts another field would run something else than
		// what was judged (CVE-2021-41190).
		if isImage {
			return Manifest{}, fmt.Errorf("%w: it is an index and an image at once", ErrInvalid)
		}
		m.Children = doc.Manifests
	case OCIManifest, DockerManifest:
		if isIndex {
			return Manifest{}, fmt.Errorf("%w: it is an image and an index at once", ErrInvalid)
		}
		if doc.Config == nil {
			return Manifest{}, fmt.Errorf("%w: it names no configuration", ErrInvalid)
		}
		m.Blobs = append([]Descriptor{*doc.Config}, doc.Layers...)
	case OCIArtifact:
		if isImage || isIndex {
			return Manifest{}, fmt.Errorf("%w: it is an artifact and an image at once", ErrInvalid)
		}
		m.Blobs = doc.Blobs
	default:
		// What is no type may be anything, and is not repeated to clients.
		if !mediaType().MatchString(m.MediaType) {
			m.MediaType = "that it says"
		}
		return Manifest{}, fmt.Errorf("%w: the type %s is not known", ErrInvalid, m.MediaType)
	}
	for _, list := range [][]Descriptor{m.Blobs, m.Children} {
		for _, b := range list {
			if err := b.Digest.Validate(); err != nil {
				return Manifest{}, fmt.Errorf("%w: it names the digest %q: %v", ErrInvalid, b.Digest, err)
			}
			if b.Size < 0 {
				return Manifest{}, fmt.Errorf("%w: it says that %s has %d bytes", ErrInvalid, b.Digest, b.Size)
			}
		}
	}
	return m, nil
}
