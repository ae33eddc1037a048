package gate_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/policies"
)

// build makes an image of one layer for each content of var/lib/dpkg/status.
func build(t testing.TB, c *imagetest.Content, user string, statuses ...string) (d map[string]any, top digest.Digest) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	img := empty.Image
	for _, content := range statuses {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		// In this order always: equal contents are the same layer in every image.
		for _, file := range [][2]string{{"var/lib/dpkg/status", content}, {"etc/passwd", "web:x:33:33::/:\ntoor:x:0:0::/:\n"}} {
			must(w.WriteHeader(&tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1]))}))
			_, err := w.Write([]byte(file[1]))
			must(err)
		}
		must(w.Close())
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		must(err)
		img, err = mutate.AppendLayers(img, l)
		must(err)
		h, err := l.Digest()
		must(err)
		top = digest.Digest(h.String())
	}
	config, err := img.ConfigFile()
	must(err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{User: user, Env: []string{"PATH=/bin"}, WorkingDir: "/srv", ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/data": {}}}
	config.History = []v1.History{{CreatedBy: "COPY . /"}}
	img, err = mutate.ConfigFile(img, config)
	must(err)
	return c.AddV1(t, img), top
}

const (
	openssl = "Package: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\n"
	other   = "Package: other\nStatus: install ok installed\nVersion: 1\n"

	noOpenssl = "name: packages\npackages_black_list_enabled: true\npackages_black_list: [{name: openssl}]\nblock_failed: true\n"
	noRoot    = "name: users\nonly_none_root_users: true\nblock_failed: true\n"
	complete  = "partial_results_image_fail: true\n"
)

func TestLayersAreReadWhenAPolicyNeedsThem(t *testing.T) {
	w := newWorld(t, embedded(t))
	for _, c := range []struct {
		name   string
		policy string
		user   string
		status string
		want   gate.Action
		reads  bool
	}{
		{"no policy reads packages", "name: labels\nforbidden_labels_enabled: true\nforbidden_labels: [{key: x}]\n", "", openssl, gate.Allow, false},
		{"a policy for other images does", noOpenssl + "scope: image.name.elsewhere/*\n", "", openssl, gate.Allow, false},
		{"a denied package", noOpenssl, "", openssl, gate.Deny, true},
		{"another package", noOpenssl, "", other, gate.Allow, true},
		{"a database that cannot be read is skipped", noOpenssl, "", "damaged", gate.Allow, true},
		{"and fails where all must be known", noOpenssl + complete, "", "damaged", gate.Deny, true},
		{"root by the configuration", noRoot, "", other, gate.Deny, false},
		{"a number is no name", noRoot, "1000", other, gate.Allow, false},
		{"a name", noRoot, "web", other, gate.Allow, true},
		{"a name of root's", noRoot, "toor", other, gate.Deny, true},
		{"a name that nobody has is skipped", noRoot, "nobody", other, gate.Allow, true},
		{"and fails where all must be known", noRoot + complete, "nobody", other, gate.Deny, true},
		{"a check of one's own", "name: own\nblock_failed: true\ncustom_checks_enabled: true\ncustom_checks:\n- name: own\n  snippet: 'deny contains p.name if some p in input.packages.items'\n", "", other, gate.Deny, true},
		{"a check of one's own that reads the name only", "name: own\nblock_failed: true\ncustom_checks_enabled: true\ncustom_checks:\n- name: own\n  snippet: 'deny contains \"no\" if input.image.repository == \"x\"'\n", "", other, gate.Allow, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.start(c.policy)
			// An image of its own: what was read for another case is known.
			d, layer := build(t, w.content, c.user, c.status+"\n# "+t.Name()+"\n")
			if c.status == "damaged" {
				d, layer = build(t, w.content, c.user, c.status+t.Name())
			}
			req := tagged(d, "1")
			first := r.decide(req)
			if c.reads && (first.Action != gate.Wait || first.State != "its layers are being read") {
				t.Errorf("at once: %s", first.Message)
			}
			if !c.reads && first.Action != c.want {
				t.Errorf("at once: %s, want %s", first.Message, c.want)
			}
			if got := r.await(req); got.Action != c.want {
				t.Errorf("then: %s, want %s", got.Message, c.want)
			}
			if read := w.content.Opened(layer) > 0; read != c.reads {
				t.Errorf("its layers were read: %v, want %v", read, c.reads)
			}
			second := w.start(c.policy)
			if got := second.decide(req); got.Action != c.want {
				t.Errorf("another replica: %s, want %s", got.Message, c.want)
			}
			if n := w.content.Opened(layer); n > 1 {
				t.Errorf("its layers were read %d times", n)
			}
		})
	}
}

func TestAwaitEndsBeforeTheLayersCome(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start(noOpenssl)
	d, _ := build(t, w.content, "", openssl)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.gate.Await(ctx, tagged(d, "1")); err == nil && got.Action != gate.Wait {
		t.Errorf("%+v", got)
	}
	if got, err := r.gate.Settle(t.Context(), tagged(d, "1")); err != nil || got.Action != gate.Deny {
		t.Errorf("%+v, %v", got, err)
	}
}

// What could not be read is not remembered as an answer.
func TestUpstreamThatFailsWhileLayersAreRead(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start("name: none\n")
	d, _ := build(t, w.content, "", openssl)
	r.decide(tagged(d, "1")) // the manifest and the configuration are there
	r.load(noOpenssl)
	w.content.Break(errors.New("registry.test is away"))
	got := r.await(tagged(d, "1"))
	if c := got.Judged[0].Result.Checks[0]; !c.Skipped || !strings.Contains(c.SkippedReason, "registry.test is away") {
		t.Errorf("check %+v", c)
	}
	w.content.Break(nil)
	r.skew.Store(int64(2 * time.Minute))
	replica := w.start(noOpenssl)
	if got := replica.await(tagged(d, "1")); got.Action != gate.Deny {
		t.Errorf("later: %s", got.Message)
	}
}

// known has the image decided about, and its facts found out: a decision that
// needs none of them leaves that to the background.
func (r *replica) known(req gate.Request) {
	r.t.Helper()
	r.decide(req)
	if _, err := r.gate.Facts(r.t.Context(), req.Reference, req.Context, false); err != nil {
		r.t.Fatal(err)
	}
}

func TestTrustedBaseImages(t *testing.T) {
	w := newWorld(t, embedded(t))
	const policy = "name: bases\nblock_failed: true\ntrusted_base_images_enabled: true\ntrusted_base_images: [{registry: registry.test, imagename: \"team/app:trusted\"}]\n"
	r := w.start("name: none\n")
	base, _ := build(t, w.content, "", "base")
	r.known(tagged(base, "trusted"))
	on, _ := build(t, w.content, "", "base", "app")
	off, _ := build(t, w.content, "", "foreign", "app")
	r.load(policy)
	if got := r.await(tagged(on, "1")); got.Action != gate.Allow || got.Judged[0].Result.Checks[0].Skipped {
		t.Errorf("on the trusted base: %s, %+v", got.Message, got.Judged[0].Result.Checks)
	}
	// Nobody knows what it is built on: skipped, and said.
	got := r.await(tagged(off, "2"))
	if c := got.Judged[0].Result.Checks[0]; got.Action != gate.Allow || !c.Skipped || !strings.Contains(c.SkippedReason, "no image with its lowest layers is known") {
		t.Errorf("on a foreign base: %s, %+v", got.Message, c)
	}
	// The foreign base becomes known, and it is not trusted.
	foreign, _ := build(t, w.content, "", "foreign")
	r.known(tagged(foreign, "foreign"))
	later := w.start(policy)
	if got := later.await(tagged(off, "2")); got.Action != gate.Deny || got.Control != "trusted_base_images" {
		t.Errorf("on a known foreign base: %s", got.Message)
	}
}

func TestFactsDocument(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start(noOpenssl)
	d, layer := build(t, w.content, "web", openssl)
	req := tagged(d, "1")
	before, err := r.gate.Facts(t.Context(), req.Reference, req.Context, false)
	if err != nil || len(before) != 1 || before[0].Facts.Packages.Known || w.content.Opened(layer) != 0 {
		t.Fatalf("before: %+v, %v", before, err)
	}
	r.await(req)
	all, err := r.gate.Facts(t.Context(), req.Reference, req.Context, false)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	in := all[0].Facts
	i := in.Image
	if i.UID != "33" || i.GID != "33" || !i.Account.Known || i.WorkingDir != "/srv" || !slices.Equal(i.Ports, []string{"80/tcp"}) ||
		!slices.Equal(i.Volumes, []string{"/data"}) || !slices.Equal(i.Env, []string{"PATH"}) || len(i.History) != 1 || i.History[0].CreatedBy != "COPY . /" {
		t.Errorf("image %+v", i)
	}
	want := policies.Package{Format: "deb", Name: "openssl", Version: "3.0.11", Release: "1", Licenses: []string{"NOASSERTION"}, Source: "openssl", Path: "/var/lib/dpkg/status", FoundBy: "image"}
	if p := in.Packages; !p.Known || !strings.HasPrefix(p.Source, "image 1") || len(p.Items) != 1 || p.Items[0].Name != want.Name || p.Items[0].Path != want.Path || p.Items[0].FoundBy != want.FoundBy {
		t.Errorf("packages %+v", in.Packages)
	}
	if !i.Setuid.Known || !i.OSRelease.Known || i.BaseImages.Known {
		t.Errorf("image %+v", i)
	}
}
