package inspect

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// An artifact passes the gate unjudged, so the name that it gives itself is not
// believed: what an engine could unpack and run is an image.
//
// Docker takes these configuration types for images, some of them because of
// registries that lost the right one (distribution#1621); the plugin type is
// there since a plugin is code too. containerd 1.x unpacks any manifest whose
// configuration lists diff ids, of whatever type.
var imageConfigs = []string{
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
	"application/vnd.docker.plugin.v1+json",
	"application/octet-stream",
	"application/json",
	"text/html",
	"text/plain",
	"",
}

func imageConfig(mediaType string) bool { return slices.Contains(imageConfigs, bare(mediaType)) }

// maxDocument is the largest attached document that is read to see that it is none but that.
const maxDocument = 16 << 20

// documentsOnly tells from the types and sizes of the layers whether they may be
// documents, as in signatures (cosign) and attestations (BuildKit), which use
// the configuration type of images.
func (doc document) documentsOnly() bool {
	for _, l := range doc.Layers {
		if layerType(l.MediaType) || l.Size > maxDocument {
			return false
		}
	}
	return len(doc.Layers) > 0
}

func layerType(mediaType string) bool {
	return strings.Contains(mediaType, "tar") || strings.Contains(mediaType, ".layer.") || strings.Contains(mediaType, "rootfs") || mediaType == ""
}

// inert tells whether an engine that ignores media types (Docker 20.10 does, for layers)
// could not unpack b: it is JSON, and no tar archive in disguise, whose headers
// fit into a JSON string.
func inert(b []byte) bool {
	if !json.Valid(b) {
		return false
	}
	_, err := tar.NewReader(bytes.NewReader(b)).Next()
	return err != nil
}

// artifactType is the type of an artifact: what it calls itself, else the type
// of its configuration, as image-spec 1.1 has it.
func (doc document) artifactType() string {
	switch {
	case doc.ArtifactType != "":
		return doc.ArtifactType
	case doc.Config != nil && !imageConfig(doc.Config.MediaType):
		return doc.Config.MediaType
	case len(doc.Layers) > 0:
		return doc.Layers[0].MediaType
	}
	return doc.MediaType
}

// words for artifacts, by a part of their type; the first that fits.
var artifactWords = []struct{ part, word string }{
	{"sallyport.report", "analysis report"},
	{"simplesigning", "signature"},
	{"notary.signature", "signature"},
	{"cosign", "signature"},
	{"sigstore.bundle", "signature"},
	{"spdx", "SBOM"},
	{"cyclonedx", "SBOM"},
	{"syft", "SBOM"},
	{"sbom", "SBOM"},
	{"in-toto", "attestation"},
	{"dsse", "attestation"},
	{"attestation", "attestation"},
	{"helm", "Helm chart"},
	{"wasm", "WebAssembly module"},
	{"buildkit.cache", "build cache"},
}

func (doc document) artifactWord() string {
	types := doc.artifactType()
	if len(doc.Layers) > 0 {
		types += " " + doc.Layers[0].MediaType
	}
	types = strings.ToLower(types)
	for _, w := range artifactWords {
		if strings.Contains(types, w.part) {
			return w.word
		}
	}
	return "artifact"
}
