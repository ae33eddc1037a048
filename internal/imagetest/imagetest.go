// Package imagetest makes images, indexes and artifacts in memory for tests,
// and serves them as a registry's content.
package imagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
)

// Media types that tests need by name.
const (
	OCIManifest = "application/vnd.oci.image.manifest.v1+json"
	OCIIndex    = "application/vnd.oci.image.index.v1+json"
	OCIConfig   = "application/vnd.oci.image.config.v1+json"
	OCILayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// Content is a registry's content. It implements inspect.Content and is safe
// for concurrent use.
type Content struct {
	mu        sync.Mutex
	manifests map[digest.Digest]inspect.Manifest
	blobs     map[digest.Digest][]byte
	referrers map[digest.Digest][]inspect.Referrer
	tags      map[string]digest.Digest
	reads     int
	opened    map[digest.Digest]int
	broken    error
}

// New returns content that holds nothing.
func New() *Content {
	return &Content{
		manifests: map[digest.Digest]inspect.Manifest{}, blobs: map[digest.Digest][]byte{},
		referrers: map[digest.Digest][]inspect.Referrer{}, tags: map[string]digest.Digest{}, opened: map[digest.Digest]int{},
	}
}

// Manifest implements inspect.Content.
func (c *Content) Manifest(_ context.Context, ref image.Reference) (inspect.Manifest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if ref.Digest == "" {
		ref.Digest = c.tags[ref.Tag]
	}
	m, ok := c.manifests[ref.Digest]
	if !ok {
		return inspect.Manifest{}, fmt.Errorf("%s: %w", ref, inspect.ErrMissing)
	}
	return m, nil
}

// Blob implements inspect.Content.
func (c *Content) Blob(_ context.Context, _ image.Reference, d digest.Digest) (io.ReadCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	b, ok := c.blobs[d]
	if !ok {
		return nil, fmt.Errorf("%s: not found", d)
	}
	c.opened[d]++
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Referrers implements inspect.Content.
func (c *Content) Referrers(_ context.Context, ref image.Reference) ([]inspect.Referrer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.referrers[ref.Digest], nil
}

// Opened is how often the blob d was read.
func (c *Content) Opened(d digest.Digest) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened[d]
}

// Break has every blob fail with err, until it is nil again.
func (c *Content) Break(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

// Tag lets tag, in any repository, mean d.
func (c *Content) Tag(tag string, d digest.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tags[tag] = d
}

// Attach lists the manifest of descriptor as attached to subject.
func (c *Content) Attach(subject digest.Digest, artifactType string, descriptor map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.referrers[subject] = append(c.referrers[subject], inspect.Referrer{
		MediaType: descriptor["mediaType"].(string), Digest: Digest(descriptor), ArtifactType: artifactType,
	})
}

// Reads is how many manifests were asked for.
func (c *Content) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// Descriptor describes b.
func Descriptor(mediaType string, b []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest.FromBytes(b), "size": len(b)}
}

// AddBlob stores b and returns its descriptor.
func (c *Content) AddBlob(mediaType string, b []byte) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blobs[digest.FromBytes(b)] = b
	return Descriptor(mediaType, b)
}

// AddManifest stores doc as a manifest of mediaType and returns its descriptor.
func (c *Content) AddManifest(t testing.TB, mediaType string, doc any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return c.AddRaw(mediaType, raw)
}

// AddRaw stores raw as a manifest of mediaType and returns its descriptor.
func (c *Content) AddRaw(mediaType string, raw []byte) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := digest.FromBytes(raw)
	c.manifests[d] = inspect.Manifest{MediaType: mediaType, Digest: d, Raw: raw}
	return Descriptor(mediaType, raw)
}

// AddImage stores an image of one layer, whose content is seed, for platform
// and returns its descriptor with the platform.
func (c *Content) AddImage(t testing.TB, seed string, platform image.Platform) map[string]any {
	t.Helper()
	layer := c.AddBlob(OCILayer, []byte(seed))
	config, err := json.Marshal(map[string]any{
		"os": platform.OS, "architecture": platform.Architecture, "variant": platform.Variant, "author": "test",
		"config": map[string]any{"Entrypoint": []string{"/" + seed}, "Env": []string{"PATH=/bin", "SECRET=hidden"}, "Labels": map[string]string{"seed": seed}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest.FromString("unpacked " + seed).String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := c.AddManifest(t, OCIManifest, map[string]any{
		"schemaVersion": 2, "mediaType": OCIManifest, "config": c.AddBlob(OCIConfig, config), "layers": []any{layer},
	})
	d["platform"] = platform
	return d
}

// AddV1 stores an image, with its layers, and returns its descriptor.
func (c *Content) AddV1(t testing.TB, img v1.Image) map[string]any {
	t.Helper()
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		c.AddBlob("", must(io.ReadAll(r)))
	}
	c.AddBlob("", must(img.RawConfigFile()))
	mediaType, err := img.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	return c.AddRaw(string(mediaType), must(img.RawManifest()))
}

// AddIndex stores an index of children and returns its descriptor.
func (c *Content) AddIndex(t testing.TB, children ...map[string]any) map[string]any {
	t.Helper()
	return c.AddManifest(t, OCIIndex, map[string]any{"schemaVersion": 2, "mediaType": OCIIndex, "manifests": children})
}

// Digest is the digest of a descriptor.
func Digest(descriptor map[string]any) digest.Digest { return descriptor["digest"].(digest.Digest) }
