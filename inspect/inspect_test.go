package inspect_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/objects"
)

var amd64 = image.Platform{OS: "linux", Architecture: "amd64"}

func at(descriptor map[string]any) image.Reference {
	return image.Reference{Registry: "registry.test", Repository: "app", Digest: imagetest.Digest(descriptor)}
}

func inspector(t *testing.T, c inspect.Content, store *objects.Store) *inspect.Inspector {
	t.Helper()
	i, err := inspect.New(c, store)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestFactsOfAnImage(t *testing.T) {
	c := imagetest.New()
	layer := c.AddBlob(imagetest.OCILayer, []byte("layer"))
	diff := digest.FromString("unpacked")
	config := fmt.Sprintf(`{"os":"linux","architecture":"arm64","variant":"v8","created":"2026-01-02T03:04:05Z","author":"A","config":{
		"User":"1000:1000","ExposedPorts":{"8080/tcp":{},"53/udp":{}},"Env":["PATH=/bin","TOKEN=s3cret","EMPTY"],"Entrypoint":["/app"],"Cmd":"serve",
		"Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":[%q]},
		"history":[{"created":"2026-01-02T03:04:05Z","created_by":"COPY app /"},{"created_by":"ENTRYPOINT","empty_layer":true}]}`, diff)
	d := c.AddManifest(t, imagetest.OCIManifest, map[string]any{"schemaVersion": 2, "config": c.AddBlob(imagetest.OCIConfig, []byte(config)), "layers": []any{layer}})

	f, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(d))
	if err != nil {
		t.Fatal(err)
	}
	if f.Kind != inspect.Image || f.Config == nil || f.Digest != imagetest.Digest(d) || f.MediaType != imagetest.OCIManifest {
		t.Fatalf("facts = %+v", f)
	}
	got, _ := json.Marshal(f.Config)
	want := fmt.Sprintf(`{"digest":%q,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},"created":"2026-01-02T03:04:05Z","author":"A","user":"1000:1000",`+
		`"env":["PATH","TOKEN","EMPTY"],"entrypoint":["/app"],"cmd":["serve"],"working_dir":"/srv","ports":["53/udp","8080/tcp"],"volumes":["/data"],"labels":{"a":"b"},`+
		`"history":[{"created":"2026-01-02T03:04:05Z","created_by":"COPY app /"},{"created_by":"ENTRYPOINT","empty_layer":true}],`+
		`"layers":[{"digest":%q,"diff_id":%q,"media_type":%q,"size":5}],"size":%d}`,
		digest.FromString(config), imagetest.Digest(layer), diff, imagetest.OCILayer, len(config)+5)
	if string(got) != want {
		t.Errorf("facts\n got %s\nwant %s", got, want)
	}
	if strings.Contains(string(got), "s3cret") {
		t.Error("facts hold the value of an environment variable")
	}
}

func TestFactsOfAnIndex(t *testing.T) {
	c := imagetest.New()
	img := c.AddImage(t, "app", amd64)
	attestation := c.AddImage(t, "attestation", image.Platform{OS: "unknown", Architecture: "unknown"})
	bare := c.AddImage(t, "bare", amd64)
	delete(bare, "platform")
	f, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddIndex(t, img, attestation, bare)))
	if err != nil || f.Kind != inspect.Index || len(f.Children) != 3 {
		t.Fatalf("facts = %+v, %v", f, err)
	}
	if f.Children[0].Attestation || f.Children[0].Platform != amd64 || f.Children[0].Digest != imagetest.Digest(img) {
		t.Errorf("image child = %+v", f.Children[0])
	}
	if !f.Children[1].Attestation {
		t.Errorf("attestation child = %+v", f.Children[1])
	}
	if f.Children[2].Attestation {
		t.Error("a child without platform, which containerd would run, is taken for an attestation")
	}
}

// artifact makes a manifest with one layer.
func artifact(t *testing.T, c *imagetest.Content, configType, config, layerType string, layer []byte) map[string]any {
	return c.AddManifest(t, imagetest.OCIManifest, map[string]any{
		"schemaVersion": 2, "config": c.AddBlob(configType, []byte(config)), "layers": []any{c.AddBlob(layerType, layer)},
	})
}

func TestArtifactsAreToldFromImagesByWhatTheyHold(t *testing.T) {
	diffs := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q]}}`, digest.FromString("x"))
	const cosign = "application/vnd.dev.cosign.simplesigning.v1+json"
	for _, test := range []struct {
		name                          string
		configType, config, layerType string
		layer                         []byte
		want                          string // artifact's word; "" for an image
	}{
		{"image", imagetest.OCIConfig, diffs, imagetest.OCILayer, []byte("tar"), ""},
		{"cosign signature", imagetest.OCIConfig, diffs, cosign, []byte(`{"critical":{}}`), "signature"},
		{"BuildKit attestation", imagetest.OCIConfig, diffs, "application/vnd.in-toto+json", []byte(`{"_type":"x"}`), "attestation"},
		{"Helm chart", "application/vnd.cncf.helm.config.v1+json", `{"name":"chart"}`, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", []byte("tgz"), "Helm chart"},
		{"SBOM", "application/vnd.oci.empty.v1+json", `{}`, "application/spdx+json", []byte(`{}`), "SBOM"},
		{"artifact whose configuration is no JSON", "application/vnd.example.config", "binary", "application/vnd.example", []byte("x"), "artifact"},

		{"image whose configuration calls itself a Helm chart's", "application/vnd.cncf.helm.config.v1+json", diffs, imagetest.OCILayer, []byte("tar"), ""},
		{"image whose configuration calls itself JSON", "application/json", diffs, imagetest.OCILayer, []byte("tar"), ""},
		{"image whose layer calls itself a signature", imagetest.OCIConfig, diffs, cosign, []byte("\x1f\x8btar"), ""},
		{"image whose layer is a tar within a JSON string", imagetest.OCIConfig, diffs, cosign, jsonTar(t), ""},
		{"Docker plugin", "application/vnd.docker.plugin.v1+json", diffs, "application/vnd.docker.image.rootfs.diff.tar.gzip", []byte("tar"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := imagetest.New()
			f, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(artifact(t, c, test.configType, test.config, test.layerType, test.layer)))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && f.Kind != inspect.Image || test.want != "" && (f.Kind != inspect.Artifact || f.Artifact != test.want) {
				t.Errorf("kind %s, artifact %q (%s), want %q", f.Kind, f.Artifact, f.ArtifactType, test.want)
			}
		})
	}
}

// jsonTar is a document that is both valid JSON and a tar archive of the oldest format.
func jsonTar(t *testing.T) []byte {
	t.Helper()
	b := bytes.Repeat([]byte(" "), 1024)
	copy(b, `{"`+strings.Repeat("a", 98))
	copy(b[100:], "0000755 0000000 0000000 00000000004 00000000000 ")
	copy(b[156:], "0"+strings.Repeat("b", 100))
	copy(b[500:], `":"`)
	b[1023] = '}'
	b[1022] = '"'
	sum := 0
	for i, c := range b[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o  ", sum))
	if !json.Valid(b) {
		t.Fatal("the polyglot is not JSON")
	}
	if h, err := tar.NewReader(bytes.NewReader(b)).Next(); err != nil || h.Size != 4 {
		t.Fatalf("the polyglot is not a tar: %v, %v", h, err)
	}
	return b
}

func TestMalformedImagesAreRefused(t *testing.T) {
	config := []byte(`{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}`)
	good := imagetest.Descriptor(imagetest.OCIConfig, config)
	many := make([]any, 1001)
	for i := range many {
		many[i] = good
	}
	for _, test := range []struct {
		name, mediaType string
		doc             any
		want            error
	}{
		{"schema 1 by type", "application/vnd.docker.distribution.manifest.v1+prettyjws", map[string]any{}, inspect.ErrSchema1},
		{"schema 1 by content", imagetest.OCIManifest, map[string]any{"schemaVersion": 1, "fsLayers": []any{}}, inspect.ErrSchema1},
		{"unknown type", "application/vnd.example+json", map[string]any{"schemaVersion": 2}, inspect.ErrInvalid},
		{"index and image at once", imagetest.OCIIndex, map[string]any{"manifests": []any{}, "layers": []any{good}}, inspect.ErrInvalid},
		{"image and index at once", imagetest.OCIManifest, map[string]any{"config": good, "manifests": []any{good}}, inspect.ErrInvalid},
		{"another type inside", imagetest.OCIManifest, map[string]any{"mediaType": imagetest.OCIIndex, "manifests": []any{}}, inspect.ErrInvalid},
		{"no configuration", imagetest.OCIManifest, map[string]any{"layers": []any{}}, inspect.ErrInvalid},
		{"digest that is none", imagetest.OCIIndex, map[string]any{"manifests": []any{map[string]any{"digest": "sha256:../..", "size": 1}}}, inspect.ErrInvalid},
		{"negative size", imagetest.OCIIndex, map[string]any{"manifests": []any{map[string]any{"digest": digest.FromString("x"), "size": -1}}}, inspect.ErrInvalid},
		{"too many children", imagetest.OCIIndex, map[string]any{"manifests": many}, inspect.ErrTooLarge},
		{"too many layers", imagetest.OCIManifest, map[string]any{"config": good, "layers": many}, inspect.ErrTooLarge},
		{"configuration too large", imagetest.OCIManifest, map[string]any{"config": map[string]any{"mediaType": imagetest.OCIConfig, "digest": good["digest"], "size": 5 << 20}}, inspect.ErrTooLarge},
		{"configuration of another size", imagetest.OCIManifest, map[string]any{"config": map[string]any{"mediaType": imagetest.OCIConfig, "digest": good["digest"], "size": 3}}, inspect.ErrMismatch},
		{"layer that the configuration lacks", imagetest.OCIManifest, map[string]any{"config": good, "layers": []any{imagetest.Descriptor(imagetest.OCILayer, []byte("x"))}}, inspect.ErrMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := imagetest.New()
			c.AddBlob(imagetest.OCIConfig, config)
			_, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddManifest(t, test.mediaType, test.doc)))
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), "registry.test/app@sha256:") {
				t.Errorf("the error does not name the image: %v", err)
			}
		})
	}
	t.Run("no JSON", func(t *testing.T) {
		c := imagetest.New()
		if _, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddRaw(imagetest.OCIManifest, []byte("{")))); !errors.Is(err, inspect.ErrInvalid) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("manifest too large", func(t *testing.T) {
		c := imagetest.New()
		if _, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddRaw(imagetest.OCIManifest, bytes.Repeat([]byte(" "), 5<<20)))); !errors.Is(err, inspect.ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("image without layers is one", func(t *testing.T) {
		c := imagetest.New()
		c.AddBlob(imagetest.OCIConfig, config)
		f, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddManifest(t, imagetest.OCIManifest, map[string]any{"config": good})))
		if err != nil || f.Kind != inspect.Image {
			t.Errorf("facts = %+v, %v", f, err)
		}
	})
	t.Run("reference without digest", func(t *testing.T) {
		c := imagetest.New()
		if _, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), image.Reference{Registry: "registry.test", Repository: "app", Tag: "1"}); !errors.Is(err, inspect.ErrInvalid) {
			t.Errorf("error %v", err)
		}
	})
}

func TestFactsAreReadOnce(t *testing.T) {
	c, store := imagetest.New(), objects.New(inmemory.New())
	ref := at(c.AddImage(t, "app", amd64))
	i := inspector(t, c, store)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := i.Facts(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first, _ := i.Facts(t.Context(), ref)
	// Another process on the same storage reads nothing from the registry.
	second, err := inspector(t, imagetest.New(), store).Facts(t.Context(), ref)
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("facts after a restart = %+v, %v, want %+v", second, err, first)
	}
	if c.Reads() != 1 {
		t.Errorf("the manifest was read %d times", c.Reads())
	}
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":1},"layers":[]}`),
		[]byte(`{"os":"linux","architecture":"amd64","config":{"Cmd":"x","Env":["A"]},"rootfs":{"diff_ids":[]},"history":null}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"CONFIG","platform":{}}]}`), []byte(`null`))
	f.Add([]byte(`{"config":null,"layers":[null]}`), []byte(`{"config":null,"rootfs":{"diff_ids":["x"]}}`))
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		c := imagetest.New()
		d := c.AddBlob("", config)
		manifest = bytes.ReplaceAll(manifest, []byte("CONFIG"), []byte(imagetest.Digest(d)))
		manifest = bytes.ReplaceAll(manifest, []byte(`"size":1`), fmt.Appendf(nil, `"size":%d`, len(config)))
		for _, mediaType := range []string{imagetest.OCIManifest, imagetest.OCIIndex, ""} {
			facts, err := inspector(t, c, objects.New(inmemory.New())).Facts(t.Context(), at(c.AddRaw(mediaType, manifest)))
			if err == nil && facts.Kind == inspect.Image && facts.Config == nil {
				t.Fatalf("an image without configuration: %+v", facts)
			}
		}
	})
}
