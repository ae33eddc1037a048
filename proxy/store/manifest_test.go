package store

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

var (
	hexA = "sha256:" + strings.Repeat("a", 64)
	hexB = "sha512:" + strings.Repeat("b", 128)
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, contentType, raw string
		wants                  string // media type
		blobs, children        int
		err                    error
	}{
		{name: "an OCI image", raw: `{"schemaVersion":2,"mediaType":"` + OCIManifest + `","config":{"digest":"` + hexA + `","size":1},"layers":[{"digest":"` + hexB + `","size":2}]}`, wants: OCIManifest, blobs: 2},
		{name: "an OCI image that does not say so", contentType: OCIManifest + "; charset=utf-8", raw: `{"schemaVersion":2,"config":{"digest":"` + hexA + `","size":1},"layers":[]}`, wants: OCIManifest, blobs: 1},
		{name: "a Docker image", raw: `{"schemaVersion":2,"mediaType":"` + DockerManifest + `","config":{"digest":"` + hexA + `"}}`, wants: DockerManifest, blobs: 1},
		{name: "an index", raw: `{"schemaVersion":2,"mediaType":"` + OCIIndex + `","manifests":[{"digest":"` + hexA + `","size":1}]}`, wants: OCIIndex, children: 1},
		{name: "an index that does not say so", raw: `{"schemaVersion":2,"manifests":[]}`, wants: OCIIndex},
		{name: "a Docker list", raw: `{"schemaVersion":2,"mediaType":"` + DockerList + `","manifests":[{"digest":"` + hexA + `"}]}`, wants: DockerList, children: 1},
		{name: "an artifact of the first kind", raw: `{"mediaType":"` + OCIArtifact + `","blobs":[{"digest":"` + hexA + `"}]}`, wants: OCIArtifact, blobs: 1},
		{name: "schema 1", raw: `{"schemaVersion":1,"name":"x","fsLayers":[]}`, err: ErrSchema1},
		{name: "schema 1 by its type", contentType: "application/vnd.docker.distribution.manifest.v1+prettyjws", raw: `{}`, err: ErrSchema1},
		{name: "schema 1 within schema 2", raw: `{"schemaVersion":2,"mediaType":"` + OCIManifest + `","config":{"digest":"` + hexA + `"},"fsLayers":[1]}`, err: ErrSchema1},
		{name: "image and index at once", raw: `{"mediaType":"` + OCIIndex + `","manifests":[],"config":{"digest":"` + hexA + `"}}`, err: ErrInvalid},
		{name: "index and image at once", raw: `{"mediaType":"` + OCIManifest + `","manifests":[],"config":{"digest":"` + hexA + `"}}`, err: ErrInvalid},
		{name: "both and no type", raw: `{"manifests":[],"layers":[]}`, err: ErrInvalid},
		{name: "an unknown type", raw: `{"mediaType":"text/plain"}`, err: ErrInvalid},
		{name: "no configuration", raw: `{"mediaType":"` + OCIManifest + `","layers":[]}`, err: ErrInvalid},
		{name: "a path for a digest", raw: `{"mediaType":"` + OCIManifest + `","config":{"digest":"sha256:../../etc"}}`, err: ErrInvalid},
		{name: "an unknown algorithm", raw: `{"mediaType":"` + OCIManifest + `","config":{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e"}}`, err: ErrInvalid},
		{name: "a negative size", raw: `{"mediaType":"` + OCIManifest + `","config":{"digest":"` + hexA + `","size":-1}}`, err: ErrInvalid},
		{name: "no JSON", raw: `<html>`, err: ErrInvalid},
		{name: "nothing", raw: ``, err: ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.contentType, digest.FromString(c.raw), []byte(c.raw))
			if !errors.Is(err, c.err) || (c.err == nil && err != nil) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if m.MediaType != c.wants || len(m.Blobs) != c.blobs || len(m.Children) != c.children {
				t.Errorf("got %s with %d blobs, %d children", m.MediaType, len(m.Blobs), len(m.Children))
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("", []byte(`{"schemaVersion":2,"mediaType":"`+OCIManifest+`","config":{"digest":"`+hexA+`","size":1}}`))
	f.Add(DockerList, []byte(`{"manifests":[{"digest":"`+hexB+`"}]}`))
	f.Add("application/vnd.docker.distribution.manifest.v1+json", []byte(`{"fsLayers":null}`))
	f.Add("a/b; c=\"", []byte(`[`))
	known := []string{OCIIndex, OCIManifest, OCIArtifact, DockerList, DockerManifest}
	f.Fuzz(func(t *testing.T, contentType string, raw []byte) {
		m, err := Parse(contentType, digest.FromBytes(raw), raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrSchema1) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if !slices.Contains(known, m.MediaType) {
			t.Errorf("media type %q", m.MediaType)
		}
		if len(m.Blobs) > 0 && len(m.Children) > 0 {
			t.Error("an image and an index at once")
		}
		// What is stored is read again without the upstream's word on its type.
		again, err := Parse("", m.Digest, raw)
		if err != nil || again.MediaType != m.MediaType {
			t.Errorf("read again: %q %v, was %q", again.MediaType, err, m.MediaType)
		}
		for _, b := range slices.Concat(m.Blobs, m.Children) {
			if b.Digest.Validate() != nil || b.Size < 0 {
				t.Errorf("descriptor %v", b)
			}
		}
	})
}
