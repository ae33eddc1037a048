package inspect_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/objects"
)

// files is a layer: content by path; a mode in front ("4755 ") gives it one.
type files map[string]string

func (f files) layer(t testing.TB) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range f {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}
		if rest, ok := strings.CutPrefix(content, "4755 "); ok {
			h.Mode, content = 0o4755, rest
			h.Size = int64(len(rest))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// push makes an image of layers and puts it into c.
func push(t testing.TB, c *imagetest.Content, change func(*v1.ConfigFile), annotations map[string]string, layers ...files) image.Reference {
	t.Helper()
	img := empty.Image
	for _, f := range layers {
		var err error
		if img, err = mutate.AppendLayers(img, f.layer(t)); err != nil {
			t.Fatal(err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	if change != nil {
		change(config)
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if annotations != nil {
		img = mutate.Annotations(img, annotations).(v1.Image)
	}
	return at(c.AddV1(t, img))
}

const status = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1~deb12u2\n"

func subject(t testing.TB, i *inspect.Inspector, ref image.Reference, indexes ...digest.Digest) inspect.Subject {
	t.Helper()
	f, err := i.Facts(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Subject{Reference: ref, Facts: f, Indexes: indexes}
}

// find finds parts, and waits for them.
func find(t testing.TB, i *inspect.Inspector, s inspect.Subject, parts ...inspect.Part) inspect.Knowledge {
	t.Helper()
	for {
		k, done, err := i.Find(t.Context(), s, parts...)
		if err != nil {
			t.Fatal(err)
		}
		if done == nil {
			if !k.Gathered {
				t.Fatal("nothing to wait for, and not everything gathered")
			}
			return k
		}
		<-done
	}
}

func user(name string) func(*v1.ConfigFile) {
	return func(c *v1.ConfigFile) { c.Config.User = name }
}

func TestAccounts(t *testing.T) {
	const passwd, group = "root:x:0:0::/root:/bin/sh\nnginx:x:101:102::/:/bin/false\ntoor:x:0:0::/:/bin/sh\n", "root:x:0:\nnginx:x:102:\nweb:x:33:\n"
	for _, c := range []struct {
		user     string
		want     string // uid:gid, or what is missing
		layers   bool   // they must be read
		reason   string
		noPasswd bool
	}{
		{user: "", want: "0:"},
		{user: "root", want: "0:"},
		{user: "0", want: "0:"},
		{user: "0:33", want: "0:33"},
		{user: "1000", want: "1000:"},
		{user: "1000:1000", want: "1000:1000"},
		{user: "nginx", want: "101:102", layers: true},
		{user: "nginx:web", want: "101:33", layers: true},
		{user: "nginx:7", want: "101:7", layers: true},
		{user: "toor", want: "0:0", layers: true},
		{user: "nobody", layers: true, reason: `a runtime would refuse the user "nobody"`},
		{user: "nginx:nobody", layers: true, reason: "a runtime would refuse"},
		{user: "nginx", layers: true, reason: "a runtime would refuse", noPasswd: true},
	} {
		t.Run(fmt.Sprintf("%q", c.user), func(t *testing.T) {
			content := imagetest.New()
			layer := files{"etc/passwd": passwd, "etc/group": group}
			if c.noPasswd {
				layer = files{"app": ""}
			}
			ref := push(t, content, user(c.user), nil, layer)
			i := inspector(t, content, objects.New(inmemory.New()))
			s := subject(t, i, ref)
			m := find(t, i, s, inspect.Account).Merge()
			if got := m.User.UID + ":" + m.User.GID; c.reason == "" && (got != c.want || !m.Account.Known) {
				t.Errorf("user %s, %+v, want %s", got, m.Account, c.want)
			}
			if c.reason != "" && (m.Account.Known || !strings.Contains(m.Account.Reason, c.reason)) {
				t.Errorf("%+v, want that it is not known: %s", m.Account, c.reason)
			}
			if read := content.Opened(s.Facts.Config.Layers[0].Digest) > 0; read != c.layers {
				t.Errorf("layers read: %v, want %v", read, c.layers)
			}
		})
	}
}

func TestWhatLayersSay(t *testing.T) {
	content := imagetest.New()
	ref := push(t, content, nil, nil,
		files{"etc/os-release": "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n", "var/lib/dpkg/status": status, "usr/bin/su": "4755 x", "usr/bin/sudo": "4755 x"},
		files{"usr/bin/.wh.sudo": "", "usr/share/doc/openssl/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Apache-2.0\n"},
	)
	i := inspector(t, content, objects.New(inmemory.New()))
	m := find(t, i, subject(t, i, ref), inspect.OS, inspect.Packages, inspect.Rights).Merge()
	if m.OS != (inspect.OSRelease{ID: "debian", VersionID: "12", Name: "Debian GNU/Linux"}) || !m.OSRelease.Known {
		t.Errorf("%+v, %+v", m.OS, m.OSRelease)
	}
	if !slices.Equal(m.Setuid, []string{"/usr/bin/su"}) || !m.Rights.Known {
		t.Errorf("files with rights %v, %+v", m.Setuid, m.Rights)
	}
	if len(m.Installed) != 1 || !m.Packages.Known || m.Packages.Source != "image 1" {
		t.Fatalf("packages %+v, %+v", m.Installed, m.Packages)
	}
	if p := m.Installed[0]; p.Name != "openssl" || p.Version != "3.0.11" || p.Release != "1~deb12u2" || !slices.Equal(p.Licenses, []string{"Apache-2.0"}) || p.FoundBy != "image" || p.Claimed {
		t.Errorf("package %+v", p)
	}
}

// Another process on the same storage reads no layer.
func TestLayersAreReadOnce(t *testing.T) {
	content, store := imagetest.New(), objects.New(inmemory.New())
	ref := push(t, content, user("nginx"), nil, files{"etc/passwd": "nginx:x:101:101::/:\n", "var/lib/dpkg/status": status})
	first := inspector(t, content, store)
	s := subject(t, first, ref)
	layer := s.Facts.Config.Layers[0].Digest
	for range 3 {
		find(t, first, s, inspect.Packages, inspect.Account)
	}
	second := inspector(t, content, store)
	m := find(t, second, s, inspect.Packages, inspect.Account, inspect.Rights).Merge()
	if len(m.Installed) != 1 || m.User.UID != "101" {
		t.Errorf("%+v", m)
	}
	if n := content.Opened(layer); n != 1 {
		t.Errorf("the layer was read %d times", n)
	}
	a, b := find(t, first, s, inspect.Packages), find(t, second, s, inspect.Packages)
	if a.Key() != b.Key() || a.Key() == find(t, first, s, inspect.BaseImages).Key() {
		t.Errorf("the keys of what two replicas know differ: %s, %s", a.Key(), b.Key())
	}
	if k, err := inspector(t, content, store).Known(t.Context(), s, inspect.Parts...); err != nil || len(k.Merge().Installed) != 1 {
		t.Errorf("looking: %+v, %v", k, err)
	}
}

func TestUnreadableLayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content, store := imagetest.New(), objects.New(inmemory.New())
		ref := push(t, content, nil, nil, files{"var/lib/dpkg/status": status})
		i := inspector(t, content, store)
		defer i.Close()
		s := subject(t, i, ref)
		content.Break(errors.New("upstream registry.test failed"))
		m := find(t, i, s, inspect.Packages).Merge()
		if m.Packages.Known || !strings.Contains(m.Packages.Reason, "upstream registry.test failed") {
			t.Errorf("%+v", m.Packages)
		}
		content.Break(nil)
		if find(t, i, s, inspect.Packages).Merge().Packages.Known {
			t.Error("it was tried again at once")
		}
		time.Sleep(time.Minute)
		if m := find(t, i, s, inspect.Packages).Merge(); !m.Packages.Known || len(m.Installed) != 1 {
			t.Errorf("after a while: %+v", m.Packages)
		}
	})
	t.Run("a damaged database is not known for good", func(t *testing.T) {
		content, store := imagetest.New(), objects.New(inmemory.New())
		ref := push(t, content, nil, nil, files{"var/lib/dpkg/status": "no database"})
		i := inspector(t, content, store)
		s := subject(t, i, ref)
		m := find(t, i, s, inspect.Packages, inspect.Rights).Merge()
		if m.Packages.Known || m.Packages.Reason != "/var/lib/dpkg/status: line 1 is no field" || !m.Rights.Known {
			t.Errorf("%+v, %+v", m.Packages, m.Rights)
		}
		find(t, inspector(t, content, store), s, inspect.Packages)
		if n := content.Opened(s.Facts.Config.Layers[0].Digest); n != 1 {
			t.Errorf("the layer was read %d times", n)
		}
	})
	t.Run("no archive", func(t *testing.T) {
		content := imagetest.New()
		i := inspector(t, content, objects.New(inmemory.New()))
		m := find(t, i, subject(t, i, at(content.AddImage(t, "app", amd64))), inspect.Packages, inspect.OS).Merge()
		if m.Packages.Known || m.OSRelease.Known || !strings.Contains(m.Packages.Reason, "layer sha256:") {
			t.Errorf("%+v", m.Packages)
		}
	})
}

// slow is a source that looks until it may go on.
type slow struct {
	release chan struct{}
	panics  bool
}

func (slow) Name() string          { return "slow" }
func (slow) Version() string       { return "7" }
func (slow) Gives() []inspect.Part { return []inspect.Part{inspect.Vulnerabilities} }
func (s slow) Look(ctx context.Context, _ inspect.Content, _ inspect.Subject) (inspect.Finding, error) {
	select {
	case <-s.release:
	case <-ctx.Done():
		return inspect.Finding{}, ctx.Err()
	}
	if s.panics {
		panic("hostile")
	}
	return inspect.Finding{
		Parts:           map[inspect.Part]string{inspect.Vulnerabilities: ""},
		Vulnerabilities: []inspect.Vulnerability{{ID: "CVE-1", Severity: "high", Package: "openssl"}},
	}, nil
}

func TestFindDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content, source := imagetest.New(), slow{release: make(chan struct{})}
		ref := push(t, content, nil, nil, files{"a": ""})
		i, err := inspect.New(content, objects.New(inmemory.New()), inspect.With(source))
		if err != nil {
			t.Fatal(err)
		}
		s := subject(t, i, ref)
		ctx, cancel := context.WithCancel(t.Context())
		k, done, err := i.Find(ctx, s, inspect.Vulnerabilities)
		if err != nil || k.Gathered || done == nil {
			t.Fatalf("%+v, %v", k, err)
		}
		if o := k.Merge().Vulnerabilities; o.Known || o.Reason != "it is being looked into" {
			t.Errorf("meanwhile: %+v", o)
		}
		cancel() // who asked first leaves
		close(source.release)
		<-done
		m := find(t, i, s, inspect.Vulnerabilities).Merge()
		if !m.Vulnerabilities.Known || m.Vulnerabilities.Source != "slow 7" || len(m.Weaknesses) != 1 {
			t.Errorf("%+v", m)
		}
		i.Close()
		if _, _, err := i.Find(t.Context(), s, inspect.Packages); !errors.Is(err, inspect.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
	t.Run("closing ends it", func(t *testing.T) {
		content, source := imagetest.New(), slow{release: make(chan struct{})}
		i, err := inspect.New(content, objects.New(inmemory.New()), inspect.With(source))
		if err != nil {
			t.Fatal(err)
		}
		_, done, err := i.Find(t.Context(), subject(t, i, push(t, content, nil, nil, files{"a": ""})), inspect.Vulnerabilities)
		if err != nil {
			t.Fatal(err)
		}
		i.Close()
		<-done
	})
	t.Run("a source that fails badly", func(t *testing.T) {
		content, source := imagetest.New(), slow{release: make(chan struct{}), panics: true}
		close(source.release)
		i, err := inspect.New(content, objects.New(inmemory.New()), inspect.With(source))
		if err != nil {
			t.Fatal(err)
		}
		m := find(t, i, subject(t, i, push(t, content, nil, nil, files{"a": ""})), inspect.Vulnerabilities).Merge()
		if m.Vulnerabilities.Known || m.Vulnerabilities.Reason != "the source slow failed: hostile" {
			t.Errorf("%+v", m.Vulnerabilities)
		}
	})
}

func TestBaseImages(t *testing.T) {
	low, mid, top := files{"low": "1"}, files{"mid": "2"}, files{"top": "3"}
	in := func(ref image.Reference, repository string) image.Reference {
		ref.Repository = repository
		return ref
	}
	names := func(all []inspect.BaseImage) (list []string) {
		for _, b := range all {
			name := b.Reference.String()
			if b.Claimed {
				name += " (claimed)"
			}
			list = append(list, name)
		}
		return list
	}
	content := imagetest.New()
	i := inspector(t, content, objects.New(inmemory.New()))
	debian := in(push(t, content, nil, nil, low), "library/debian")
	runtime := in(push(t, content, nil, nil, low, mid), "team/runtime")
	unseen := in(push(t, content, nil, nil, files{"other": "9"}), "library/unseen")
	subject(t, i, debian)
	subject(t, i, runtime)
	base := func(name, d string) map[string]string {
		return map[string]string{"org.opencontainers.image.base.name": name, "org.opencontainers.image.base.digest": d}
	}
	built := func(c *v1.ConfigFile) {
		c.History = []v1.History{{CreatedBy: "ADD rootfs"}, {CreatedBy: "CMD", EmptyLayer: true}, {CreatedBy: "RUN x", Comment: "buildkit.dockerfile.v0"}}
	}
	for _, c := range []struct {
		name   string
		ref    image.Reference
		want   []string
		known  bool
		reason string
	}{
		{"nearest first", push(t, content, nil, nil, low, mid, top), []string{runtime.String(), debian.String()}, true, ""},
		{"one's own layers are no base", push(t, content, nil, nil, low, mid), []string{debian.String()}, true, ""},
		{"from scratch", push(t, content, nil, nil, top), nil, true, ""},
		{"nothing is known", push(t, content, nil, nil, files{"alone": "5"}, mid), nil, false, "no image with its lowest layers is known, and it names none"},
		{"its history says how much was there", push(t, content, built, nil, files{"alone": "6"}, low), nil, false, "no image with its lowest 1 layers is known, which by its history were built before it"},
		{"it names a base that proves it", push(t, content, nil, base("registry.test/library/unseen:1", unseen.Digest.String()), files{"other": "9"}, top), []string{"registry.test/library/unseen:1@" + unseen.Digest.String()}, true, ""},
		{"it names a base that is another", push(t, content, nil, base("registry.test/library/unseen:1", unseen.Digest.String()), files{"forged": "9"}, top), nil, false, "whose layers are not its lowest"},
		{"it names a base that nobody has", push(t, content, nil, base("registry.test/library/debian:12", ""), files{"forged": "8"}, top), []string{"registry.test/library/debian:12 (claimed)"}, false, "which nothing proves"},
		{"a known chain counts more than a name", push(t, content, nil, base("registry.test/evil:1", ""), low, top), []string{debian.String()}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			origin, bases := find(t, i, subject(t, i, c.ref), inspect.BaseImages).Bases()
			if got := names(bases); !slices.Equal(got, c.want) || origin.Known != c.known || !strings.Contains(origin.Reason, c.reason) {
				t.Errorf("%q, %+v\nwant %q, known %v, %q", got, origin, c.want, c.known, c.reason)
			}
		})
	}
	t.Run("the same layers in two repositories", func(t *testing.T) {
		mirror := in(debian, "mirror/debian")
		subject(t, i, mirror)
		_, bases := find(t, i, subject(t, i, push(t, content, nil, nil, low, files{"new": ""})), inspect.BaseImages).Bases()
		if got := names(bases); !slices.Equal(got, []string{debian.String(), mirror.String()}) {
			t.Errorf("%q", got)
		}
	})
}

const spdxDoc = `{"spdxVersion":"SPDX-2.3","name":"app","packages":[
	{"name":"image","SPDXID":"SPDXRef-image"},
	{"name":"left-pad","versionInfo":"1.3.0","licenseConcluded":"NOASSERTION","licenseDeclared":"MIT","externalRefs":[{"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a"},{"referenceType":"purl","referenceLocator":"pkg:npm/%40scope/left-pad@1.3.0"}]},
	{"name":"openssl","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64"}],"licenseConcluded":"Apache-2.0"}]}`

const cycloneDoc = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"log4j-core","purl":"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1","licenses":[{"license":{"id":"Apache-2.0"}}],
	"components":[{"type":"library","name":"inner","purl":"pkg:pypi/inner@1","licenses":[{"expression":"MIT OR GPL-2.0-only"}]}]}]}`

func TestAttachedSBOMs(t *testing.T) {
	statement := func(d digest.Digest, predicate, doc string) []byte {
		return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"x","digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`, d.Encoded(), predicate, doc)
	}
	envelope := func(payload []byte) []byte {
		b, _ := json.Marshal(map[string]any{"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []any{}})
		return b
	}
	manifest := func(t *testing.T, c *imagetest.Content, mediaType, artifactType string, doc []byte, annotations map[string]string) map[string]any {
		layer := c.AddBlob(mediaType, doc)
		layer["annotations"] = annotations
		return c.AddManifest(t, imagetest.OCIManifest, map[string]any{
			"schemaVersion": 2, "mediaType": imagetest.OCIManifest, "artifactType": artifactType,
			"config": c.AddBlob("application/vnd.oci.empty.v1+json", []byte("{}")), "layers": []any{layer},
		})
	}
	const spdx, cyclone = "https://spdx.dev/Document", "https://cyclonedx.org/bom"
	npm := []string{"deb openssl image", "npm @scope/left-pad sbom claimed [MIT]"}
	maven := []string{"deb openssl image", "maven org.apache.logging.log4j:log4j-core sbom claimed [Apache-2.0]", "pypi inner sbom claimed [GPL-2.0-only MIT]"}
	for _, c := range []struct {
		name   string
		attach func(t *testing.T, c *imagetest.Content, d digest.Digest) (index []digest.Digest)
		want   []string
	}{
		{"none", func(*testing.T, *imagetest.Content, digest.Digest) []digest.Digest { return nil }, []string{"deb openssl image [NOASSERTION]"}},
		{"SPDX as a referrer", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/spdx+json", manifest(t, c, "application/spdx+json", "application/spdx+json", []byte(spdxDoc), nil))
			return nil
		}, npm},
		{"CycloneDX as a referrer", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/vnd.cyclonedx+json", manifest(t, c, "application/vnd.cyclonedx+json", "application/vnd.cyclonedx+json", []byte(cycloneDoc), nil))
			return nil
		}, maven},
		{"a DSSE attestation as a referrer", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/vnd.dsse.envelope.v1+json", manifest(t, c, "application/vnd.dsse.envelope.v1+json", "", envelope(statement(d, spdx, spdxDoc)), nil))
			return nil
		}, npm},
		{"a Sigstore bundle as a referrer", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			bundle := fmt.Appendf(nil, `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":%s}`, envelope(statement(d, cyclone, cycloneDoc)))
			c.Attach(d, "application/vnd.dev.sigstore.bundle.v0.3+json", manifest(t, c, "application/vnd.dev.sigstore.bundle.v0.3+json", "", bundle, nil))
			return nil
		}, maven},
		{"cosign's tag for attestations", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			m := manifest(t, c, "application/vnd.dsse.envelope.v1+json", "", envelope(statement(d, spdx, spdxDoc)), map[string]string{"predicateType": spdx})
			c.Tag("sha256-"+d.Encoded()+".att", imagetest.Digest(m))
			return nil
		}, npm},
		{"cosign's tag for SBOMs", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Tag("sha256-"+d.Encoded()+".sbom", imagetest.Digest(manifest(t, c, "text/spdx+json", "", []byte(spdxDoc), nil)))
			return nil
		}, npm},
		{"BuildKit's attestation in the index", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			m := manifest(t, c, "application/vnd.in-toto+json", "", statement(d, spdx, spdxDoc), map[string]string{"in-toto.io/predicate-type": spdx})
			m["annotations"] = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": d.String()}
			m["platform"] = image.Platform{OS: "unknown", Architecture: "unknown"}
			return []digest.Digest{imagetest.Digest(c.AddIndex(t, m))}
		}, npm},
		{"an attestation in the index about another image", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			m := manifest(t, c, "application/vnd.in-toto+json", "", statement(d, spdx, spdxDoc), map[string]string{"in-toto.io/predicate-type": spdx})
			m["annotations"] = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest.FromString("x").String()}
			return []digest.Digest{imagetest.Digest(c.AddIndex(t, m))}
		}, []string{"deb openssl image [NOASSERTION]"}},
		{"a statement about another subject", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/vnd.in-toto+json", manifest(t, c, "application/vnd.in-toto+json", "", statement(digest.FromString("x"), spdx, spdxDoc), nil))
			return nil
		}, []string{"deb openssl image [NOASSERTION]"}},
		{"provenance is no SBOM", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/vnd.in-toto+json", manifest(t, c, "application/vnd.in-toto+json", "", statement(d, "https://slsa.dev/provenance/v1", "{}"), nil))
			return nil
		}, []string{"deb openssl image [NOASSERTION]"}},
		{"one that is empty takes nothing away", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/spdx+json", manifest(t, c, "application/spdx+json", "", []byte(`{"spdxVersion":"SPDX-2.3"}`), nil))
			return nil
		}, []string{"deb openssl image [NOASSERTION]"}},
		{"one that is broken hides no other", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/spdx+json", manifest(t, c, "application/spdx+json", "", []byte(`{"spdxVersion":`), nil))
			c.Attach(d, "application/vnd.cyclonedx+json", manifest(t, c, "application/vnd.cyclonedx+json", "", []byte(cycloneDoc), nil))
			return nil
		}, maven},
		{"a referrer of another kind is not read", func(t *testing.T, c *imagetest.Content, d digest.Digest) []digest.Digest {
			c.Attach(d, "application/vnd.helm", map[string]any{"mediaType": "x", "digest": digest.FromString("nowhere")})
			return nil
		}, []string{"deb openssl image [NOASSERTION]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			content, store := imagetest.New(), objects.New(inmemory.New())
			ref := push(t, content, nil, nil, files{"var/lib/dpkg/status": status})
			indexes := c.attach(t, content, ref.Digest)
			i := inspector(t, content, store)
			m := find(t, i, subject(t, i, ref, indexes...), inspect.Packages).Merge()
			var got []string
			for _, p := range m.Installed {
				line := p.Format + " " + p.Name + " " + p.FoundBy
				if p.Claimed {
					line += " claimed"
				}
				if p.Claimed || p.Licenses[0] != "Apache-2.0" {
					line += fmt.Sprintf(" %v", p.Licenses)
				}
				got = append(got, line)
			}
			// Only SPDX says under which licence openssl is.
			if len(c.want) > 1 && c.want[1] == maven[1] && len(got) > 0 {
				got[0] = strings.TrimSuffix(got[0], " [NOASSERTION]")
			}
			if !slices.Equal(got, c.want) || !m.Packages.Known {
				t.Errorf("packages %q, %+v\nwant %q", got, m.Packages, c.want)
			}
		})
	}
	t.Run("what is only claimed is not known", func(t *testing.T) {
		content := imagetest.New()
		ref := push(t, content, nil, nil, files{"var/lib/dpkg/status": "damaged"})
		content.Attach(ref.Digest, "application/spdx+json", manifest(t, content, "application/spdx+json", "", []byte(spdxDoc), nil))
		i := inspector(t, content, objects.New(inmemory.New()))
		m := find(t, i, subject(t, i, ref), inspect.Packages).Merge()
		if m.Packages.Known || len(m.Installed) != 2 || !strings.Contains(m.Packages.Reason, "line 1 is no field") {
			t.Errorf("%+v, %+v", m.Packages, m.Installed)
		}
	})
}
