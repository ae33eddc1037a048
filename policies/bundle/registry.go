package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types that OPA looks for.
const (
	layerType  = types.OCILayer // application/vnd.oci.image.layer.v1.tar+gzip
	configType = types.OCIConfigJSON
)

// fromRegistry is an archive in an OCI registry.
type fromRegistry struct {
	ref       name.Reference
	transport http.RoundTripper
	auth      remote.Option
}

func newFromRegistry(cfg Config, text string) (*fromRegistry, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg.CA)
	if err != nil {
		return nil, err
	}
	f := &fromRegistry{ref: ref, transport: transport, auth: remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	switch {
	case cfg.Token != "":
		f.auth = remote.WithAuth(&authn.Bearer{Token: cfg.Token})
	case cfg.Username != "":
		f.auth = remote.WithAuth(&authn.Basic{Username: cfg.Username, Password: cfg.Password})
	}
	return f, nil
}

func (f *fromRegistry) options(ctx context.Context) []remote.Option {
	// Whoever polls tries again by itself.
	return []remote.Option{remote.WithContext(ctx), f.auth, remote.WithTransport(f.transport), remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithUserAgent("sallyport")}
}

func (f *fromRegistry) fetch(ctx context.Context, mark string) (Fetched, error) {
	head, err := remote.Head(f.ref, f.options(ctx)...)
	if err != nil {
		return Fetched{}, err
	}
	if head.Digest.String() == mark {
		return Fetched{}, ErrUnchanged
	}
	// By digest, so that what is read is what the mark says.
	d, err := remote.Get(f.ref.Context().Digest(head.Digest.String()), f.options(ctx)...)
	if err != nil {
		return Fetched{}, err
	}
	layer, err := bundleLayer(d)
	if err != nil {
		return Fetched{}, err
	}
	size, err := layer.Size()
	if err != nil {
		return Fetched{}, err
	}
	if size > MaxSize {
		return Fetched{}, tooLarge()
	}
	r, err := layer.Compressed()
	if err != nil {
		return Fetched{}, err
	}
	defer r.Close()
	// To the end of it, where its digest is checked.
	b, err := io.ReadAll(r)
	return Fetched{b, head.Digest.String()}, err
}

// bundleLayer finds the archive in an image, or in the images of an index, as
// OPA does: the first layer of its media type.
func bundleLayer(d *remote.Descriptor) (v1.Layer, error) {
	if !d.MediaType.IsIndex() {
		img, err := d.Image()
		if err != nil {
			return nil, err
		}
		return firstLayer(img)
	}
	index, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	const most = 16
	for _, child := range m.Manifests[:min(len(m.Manifests), most)] {
		if !child.MediaType.IsImage() || child.Platform != nil && child.Platform.OS == "unknown" {
			continue // attestations
		}
		img, err := index.Image(child.Digest)
		if err != nil {
			return nil, err
		}
		if l, err := firstLayer(img); err == nil {
			return l, nil
		}
	}
	return nil, errNoLayer
}

var errNoLayer = fmt.Errorf("there is no layer of the type %s, so it is no policy bundle", layerType)

func firstLayer(img v1.Image) (v1.Layer, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if l.MediaType == layerType {
			return img.LayerByDigest(l.Digest)
		}
	}
	return nil, errNoLayer
}

// Push puts an archive into a registry, under the media types that OPA looks
// for, and returns its reference by digest. Credentials are those of docker login.
func Push(ctx context.Context, ref string, a Archive) (string, error) {
	target, err := name.ParseReference(ref)
	if err != nil {
		return "", err
	}
	tag, ok := target.(name.Tag)
	if !ok {
		return "", errors.New("push to a tag, not to a digest")
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(a.Bytes)), nil }, tarball.WithMediaType(layerType))
	if err != nil {
		return "", err
	}
	img, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), configType), mutate.Addendum{
		Layer:       layer,
		Annotations: map[string]string{"org.opencontainers.image.title": "bundle.tar.gz"},
	})
	if err != nil {
		return "", err
	}
	annotated, ok := mutate.Annotations(img, map[string]string{"org.opencontainers.image.revision": a.Revision}).(v1.Image)
	if !ok {
		return "", errors.New("the image cannot be annotated")
	}
	transport, err := newTransport("")
	if err != nil {
		return "", err
	}
	if err := remote.Write(tag, annotated, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithTransport(transport), remote.WithUserAgent("sallyport")); err != nil {
		return "", fmt.Errorf("pushing to %s: %w", tag, err)
	}
	digest, err := annotated.Digest()
	if err != nil {
		return "", err
	}
	return tag.Context().Digest(digest.String()).String(), nil
}
