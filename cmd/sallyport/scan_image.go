package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
)

// scanSource says where the image to scan is: exactly one field is set.
type scanSource struct{ ref, archive, layout string }

// load opens the image of platform p. The returned reference has its digest;
// of an archive or a layout, name says how it is called.
func (s scanSource) load(ctx context.Context, p image.Platform) (v1.Image, image.Reference, error) {
	var img v1.Image
	var ref image.Reference
	var err error
	switch {
	case s.archive != "":
		img, ref, err = loadArchive(s.archive)
	case s.layout != "":
		img, ref, err = loadLayout(s.layout, p)
	default:
		img, ref, err = loadRemote(ctx, s.ref, p)
	}
	if err != nil {
		return nil, image.Reference{}, err
	}
	d, err := img.Digest()
	if err != nil {
		return nil, image.Reference{}, fmt.Errorf("%s: %w", ref, err)
	}
	return img, ref.WithDigest(digest.Digest(d.String())), nil
}

func loadRemote(ctx context.Context, text string, p image.Platform) (v1.Image, image.Reference, error) {
	ref, err := image.Parse(text)
	if err != nil {
		return nil, ref, err
	}
	n, err := name.ParseReference(ref.Name() + separator(ref) + ref.Which())
	if err != nil {
		return nil, ref, fmt.Errorf("%s: %w", ref, err)
	}
	img, err := remote.Image(n, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}))
	if err != nil {
		return nil, ref, fmt.Errorf("fetching %s for %s: %w", ref, p, err)
	}
	return img, ref, nil
}

// isFor tells whether img is for platform p; what names none is for any.
func isFor(img v1.Image, p image.Platform) error {
	c, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	if c.OS != "" && c.OS != p.OS || c.Architecture != "" && c.Architecture != p.Architecture {
		return fmt.Errorf("the image is for %s, not for %s", image.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}, p)
	}
	return nil
}

func separator(ref image.Reference) string {
	if ref.Digest != "" {
		return "@"
	}
	return ":"
}

// deniedByGate is what a gate said that the image was fetched through and that
// refused it; other registries deny whoever may not read, which tells nothing
// about the image.
func deniedByGate(err error) (why string, denied bool) {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return "", false
	}
	for _, e := range answer.Errors {
		if e.Code == transport.DeniedErrorCode && strings.HasPrefix(e.Message, "sallyport: ") {
			return e.Message, true
		}
	}
	return "", false
}

// loadArchive opens what `docker save` wrote. The first tag in it names the image.
func loadArchive(path string) (v1.Image, image.Reference, error) {
	unnamed := image.Reference{Registry: "archive.invalid", Repository: "image", Tag: "latest"}
	img, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		return nil, unnamed, fmt.Errorf("archive %s: %w (an image archive as `docker save IMAGE` writes it, with one image, is expected)", path, err)
	}
	m, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return openFile(path) })
	if err == nil && len(m) > 0 && len(m[0].RepoTags) > 0 {
		if ref, err := image.Parse(m[0].RepoTags[0]); err == nil {
			return img, ref, nil
		}
	}
	return img, unnamed, nil
}

// loadLayout opens an OCI image layout: its only image, or the only one for p.
func loadLayout(dir string, p image.Platform) (v1.Image, image.Reference, error) {
	ref := image.Reference{Registry: "layout.invalid", Repository: "image", Tag: "latest"}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, ref, fmt.Errorf("layout %s: %w (a folder with oci-layout and index.json is expected)", dir, err)
	}
	images, others, err := imagesOf(index, p)
	if err != nil {
		return nil, ref, fmt.Errorf("layout %s: %w", dir, err)
	}
	switch {
	case len(images) == 1:
		return images[0], ref, nil
	case len(images) > 1:
		return nil, ref, fmt.Errorf("layout %s holds %d images for %s: keep one", dir, len(images), p)
	case len(others) > 0:
		return nil, ref, fmt.Errorf("layout %s holds no image for %s, only for %v: choose with --platform", dir, p, others)
	}
	return nil, ref, fmt.Errorf("layout %s holds no image", dir)
}

// imagesOf finds the images for p in index and the indexes inside it, and
// names the platforms of the others. An image without platform counts for any.
func imagesOf(index v1.ImageIndex, p image.Platform) (images []v1.Image, others []image.Platform, err error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	for _, d := range m.Manifests {
		switch {
		case d.MediaType.IsIndex():
			child, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, nil, err
			}
			more, foreign, err := imagesOf(child, p)
			if err != nil {
				return nil, nil, err
			}
			images, others = append(images, more...), append(others, foreign...)
		case !d.MediaType.IsImage():
		case d.Platform != nil && (d.Platform.OS != p.OS || d.Platform.Architecture != p.Architecture):
			others = append(others, image.Platform{OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant})
		default:
			img, err := index.Image(d.Digest)
			if err != nil {
				return nil, nil, err
			}
			images = append(images, img)
		}
	}
	return images, others, nil
}

// oneImage lets the inspector read an image that no registry serves.
type oneImage struct{ v1.Image }

// Manifest implements inspect.Content.
func (i oneImage) Manifest(context.Context, image.Reference) (inspect.Manifest, error) {
	raw, err := i.RawManifest()
	if err != nil {
		return inspect.Manifest{}, err
	}
	mt, err := i.MediaType()
	if err != nil {
		return inspect.Manifest{}, err
	}
	return inspect.Manifest{MediaType: string(mt), Digest: digest.FromBytes(raw), Raw: raw}, nil
}

// Blob implements inspect.Content.
func (i oneImage) Blob(_ context.Context, _ image.Reference, d digest.Digest) (io.ReadCloser, error) {
	h, err := v1.NewHash(d.String())
	if err != nil {
		return nil, err
	}
	if config, err := i.ConfigName(); err == nil && config == h {
		raw, err := i.RawConfigFile()
		return io.NopCloser(bytes.NewReader(raw)), err
	}
	layer, err := i.LayerByDigest(h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s", d), err)
	}
	return layer.Compressed()
}

// Referrers implements inspect.Content.
func (oneImage) Referrers(context.Context, image.Reference) ([]inspect.Referrer, error) {
	return nil, nil
}
