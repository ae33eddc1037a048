package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user of the image: the chart's pods run as it, too.
const nonroot = 65532

// mediaBill is the media type of a CycloneDX bill of materials.
const mediaBill = types.MediaType("application/vnd.cyclonedx+json")

// platformImage is the image of one architecture.
type platformImage struct {
	platform v1.Platform
	image    v1.Image
	bill     []byte // of materials: CycloneDX, JSON
}

// pack makes the image of one binary.
func pack(file, version string) (platformImage, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return platformImage{}, fmt.Errorf("this is no Go binary: %w", err)
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if set["CGO_ENABLED"] == "1" {
		return platformImage{}, errors.New("it was built with cgo: build it with CGO_ENABLED=0, an image without base has no C library")
	}
	if set["GOOS"] != "linux" {
		return platformImage{}, fmt.Errorf("it was built for %s, not linux", set["GOOS"])
	}
	created := buildTime(set["vcs.time"])
	platform := v1.Platform{OS: "linux", Architecture: set["GOARCH"]}

	base, err := baseLayer(created)
	if err != nil {
		return platformImage{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return platformImage{}, err
	}
	binary, err := layer(created, entry{name: "usr/local/bin/sallyport", mode: 0o755, text: text})
	if err != nil {
		return platformImage{}, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.AppendLayers(img, base, binary)
	if err != nil {
		return platformImage{}, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return platformImage{}, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Created = platform.OS, platform.Architecture, v1.Time{Time: created}
	cf.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", nonroot, nonroot),
		WorkingDir: "/var/lib/sallyport",
		Entrypoint: []string{"/usr/local/bin/sallyport"},
		Cmd:        []string{"serve"},
		Env: []string{
			"PATH=/usr/local/bin", "HOME=/var/lib/sallyport",
			// All that lasts; keep a volume here.
			"SALLYPORT_DATA=/var/lib/sallyport",
		},
		Volumes:      map[string]struct{}{"/var/lib/sallyport": {}},
		ExposedPorts: map[string]struct{}{"5000/tcp": {}, "8080/tcp": {}, "9443/tcp": {}, "9090/tcp": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "Sallyport",
			"org.opencontainers.image.description": "A security gate for container images: pull-through proxy, admission webhook and sandbox",
			"org.opencontainers.image.source":      "https://github.com/sallyport-dev/sallyport",
			"org.opencontainers.image.version":     version,
			"org.opencontainers.image.revision":    set["vcs.revision"],
			"org.opencontainers.image.created":     created.Format(time.RFC3339),
			"org.opencontainers.image.licenses":    "Apache-2.0",
		},
	}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return platformImage{}, err
	}
	bill, err := billOf(info, version, created)
	if err != nil {
		return platformImage{}, err
	}
	return platformImage{platform, img, bill}, nil
}

// buildTime is the time of everything in the image, so that the same source
// makes the same digest: SOURCE_DATE_EPOCH's, else that of the commit.
func buildTime(commit string) time.Time {
	var seconds int64
	if _, err := fmt.Sscan(os.Getenv("SOURCE_DATE_EPOCH"), &seconds); err == nil {
		return time.Unix(seconds, 0).UTC()
	}
	if t, err := time.Parse(time.RFC3339, commit); err == nil {
		return t.UTC()
	}
	return time.Unix(0, 0).UTC()
}

// entry is a file or, with a name that ends in a slash, a folder.
type entry struct {
	name  string
	mode  int64
	owner int
	text  []byte
}

// baseLayer is what a base image would bring.
func baseLayer(created time.Time) (v1.Layer, error) {
	users := fmt.Sprintf("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/var/lib/sallyport:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n", nonroot, nonroot)
	groups := fmt.Sprintf("root:x:0:\nnonroot:x:%d:\nnobody:x:65534:\n", nonroot)
	return layer(created,
		entry{name: "etc/", mode: 0o755},
		entry{name: "etc/group", mode: 0o644, text: []byte(groups)},
		entry{name: "etc/passwd", mode: 0o644, text: []byte(users)},
		entry{name: "etc/ssl/", mode: 0o755},
		entry{name: "etc/ssl/certs/", mode: 0o755},
		entry{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, text: roots()},
		entry{name: "tmp/", mode: 0o1777},
		entry{name: "usr/", mode: 0o755},
		entry{name: "usr/local/", mode: 0o755},
		entry{name: "usr/local/bin/", mode: 0o755},
		entry{name: "var/", mode: 0o755},
		entry{name: "var/lib/", mode: 0o755},
		entry{name: "var/lib/sallyport/", mode: 0o700, owner: nonroot},
	)
}

// roots are the certificates that TLS trusts, in PEM. Roots that Mozilla trusts
// with reservations are left out: a file cannot express them.
func roots() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // writing to memory
		}
	}
	return b.Bytes()
}

func layer(created time.Time, entries ...entry) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, Size: int64(len(e.text)), ModTime: created, Typeflag: tar.TypeReg}
		if e.name[len(e.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// assemble makes one image of all architectures.
func assemble(packed []platformImage) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	seen := map[string]bool{}
	for _, p := range packed {
		if seen[p.platform.String()] {
			return nil, fmt.Errorf("two binaries are for %s", p.platform)
		}
		seen[p.platform.String()] = true
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.image, Descriptor: v1.Descriptor{Platform: &p.platform}})
	}
	return index, nil
}

// referrer is the bill of materials as an artifact that refers to the image.
func (p platformImage) referrer() (v1.Image, error) {
	subject, err := partial.Descriptor(p.image)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mediaBill)
	img, err = mutate.AppendLayers(img, static.NewLayer(p.bill, mediaBill))
	if err != nil {
		return nil, err
	}
	bill, ok := mutate.Subject(img, *subject).(v1.Image)
	if !ok {
		return nil, errors.New("the bill of materials is no manifest")
	}
	return bill, nil
}

// writeLayout replaces the OCI layout at dir with the image and its bills.
func writeLayout(dir, tag string, index v1.ImageIndex, packed []platformImage) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})); err != nil {
		return err
	}
	for _, p := range packed {
		bill, err := p.referrer()
		if err != nil {
			return err
		}
		if err := path.AppendImage(bill); err != nil {
			return err
		}
	}
	return nil
}
