package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/inspect/sbom"
	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// build compiles the program below testdata for this machine.
func build(t *testing.T) string {
	t.Helper()
	testenv.NeedCommand(t, "go")
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-o", out, "./testdata/program")
	// The same whether or not the test has the race detector.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func TestImage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	binary := build(t)
	dir := filepath.Join(t.TempDir(), "layout")
	if err := run(dir, "sallyport:1.2.3", "1.2.3", "", false, []string{binary}); err != nil {
		t.Fatal(err)
	}
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	top, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 2 || m.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("the layout holds %+v, want the image 1.2.3 and its bill of materials", m.Manifests)
	}

	index, err := top.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	children, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(children.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if cf.Config.User != "65532:65532" || cf.Architecture != runtime.GOARCH || cf.Config.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("the configuration is %+v", cf)
	}

	modes := map[string]*tar.Header{}
	stream := mutate.Extract(img)
	defer stream.Close()
	var roots string
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[strings.TrimSuffix(h.Name, "/")] = h
		if strings.HasSuffix(h.Name, "ca-certificates.crt") {
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			roots = string(b)
		}
	}
	if h := modes["usr/local/bin/sallyport"]; h == nil || h.Mode != 0o755 || h.Uid != 0 {
		t.Errorf("the binary is %+v, want root's, so that nobody replaces it", h)
	}
	if h := modes["var/lib/sallyport"]; h == nil || h.Uid != nonroot || h.Mode != 0o700 {
		t.Errorf("the data folder is %+v", h)
	}
	if h := modes["tmp"]; h == nil || h.Mode != 0o1777 {
		t.Errorf("/tmp is %+v", h)
	}
	if n := strings.Count(roots, "BEGIN CERTIFICATE"); n < 50 {
		t.Errorf("%d roots of TLS", n)
	}

	bill, err := top.Image(m.Manifests[1].Digest)
	if err != nil {
		t.Fatal(err)
	}
	bm, err := bill.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if bm.Subject == nil || bm.Subject.Digest != children.Manifests[0].Digest || bm.Config.MediaType != mediaBill {
		t.Errorf("the bill of materials refers to %+v as %s", bm.Subject, bm.Config.MediaType)
	}
	billText(t, filepath.Join(filepath.Dir(dir), "sallyport-linux-"+runtime.GOARCH+".cdx.json"))

	loaded, err := tarball.ImageFromPath(filepath.Join(filepath.Dir(dir), "sallyport-linux-"+runtime.GOARCH+".tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := img.ConfigName()
	if got, err := loaded.ConfigName(); err != nil || got != want {
		t.Errorf("the file for docker load holds %v, %v, want %v", got, err, want)
	}
}

// billText checks a bill of materials with the reader that the gate itself uses.
func billText(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := json.Unmarshal(b, &bom); err != nil {
		t.Fatal(err)
	}
	packages, err := sbom.Read(b, digest.FromString("image"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range packages {
		seen[p.Name] = true
	}
	for _, want := range []string{"github.com/opencontainers/go-digest", "stdlib"} {
		if !seen[want] {
			t.Errorf("the bill of materials lacks %s among %d packages", want, len(packages))
		}
	}
}

func TestTheSameBinaryMakesTheSameImage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	binary := build(t)
	var digests []string
	for range 2 {
		p, err := pack(binary, "1")
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("%v", digests)
	}
	if _, err := assemble([]platformImage{{}, {}}); err == nil {
		t.Error("two images for one platform were taken")
	}
}

func TestPush(t *testing.T) {
	registry := httptest.NewServer(new(registrytest.Registry))
	t.Cleanup(registry.Close)
	to := strings.TrimPrefix(registry.URL, "http://") + "/sallyport:1"
	p, err := pack(build(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	other := p // as if there were a second binary
	other.platform.Architecture = "riscv64"
	if other.image, err = mutate.Config(p.image, v1.Config{Labels: map[string]string{"other": "true"}}); err != nil {
		t.Fatal(err)
	}
	packed := []platformImage{p, other}
	all, err := assemble(packed)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(to, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := pushAll(tag, all, packed); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 2 {
		t.Fatalf("pushed: %+v", m.Manifests)
	}
	for _, child := range m.Manifests {
		list, err := remote.Referrers(ref.Context().Digest(child.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		bills, err := list.IndexManifest()
		if err != nil || len(bills.Manifests) != 1 || bills.Manifests[0].ArtifactType != string(mediaBill) {
			t.Errorf("%s has the referrers %+v, %v", child.Platform, bills, err)
		}
	}
}

func TestRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := pack(file, "1"); err == nil || !strings.Contains(err.Error(), "no Go binary") {
		t.Errorf("a script: %v", err)
	}
}
