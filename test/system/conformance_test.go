package system

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/report"
)

const suite = "github.com/opencontainers/distribution-spec/conformance"

// TestConformance has the OCI conformance suite fill a registry, and then pull
// all of that through the gate: referrers and sha512 are among it. What the gate lists
// as referrers is all that upstream lists, and its own report.
func TestConformance(t *testing.T) {
	t.Parallel()
	program := peer(t, suite)
	registry := new(registrytest.Registry)
	server := httptest.NewServer(registry)
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	const repository = "conformance/pull"

	// Deletion is off so that what is pushed stays. The registry passes, else
	// what it holds would prove nothing.
	conforms(t, program, host, repository, 500, "OCI_API_TAGS_DELETE=false", "OCI_API_MANIFESTS_DELETE=false", "OCI_API_BLOBS_DELETE=false")

	has := registry.Contents(repository)
	for what, list := range map[string][]string{"tags": has.Tags, "referrers": has.Subjects} {
		if len(list) == 0 {
			t.Errorf("the suite pushed no %s", what)
		}
	}
	for what, list := range map[string][]string{"manifests": has.Manifests, "blobs": has.Blobs} {
		if all := strings.Join(list, " "); !strings.Contains(all, "sha256:") || !strings.Contains(all, "sha512:") {
			t.Errorf("the suite pushed no %s of sha256 and sha512: %s", what, all)
		}
	}
	g := startGate(t, host, "")
	conforms(t, program, g.proxy, "upstream.test/"+repository, 150,
		"OCI_API_PUSH=false", "OCI_API_TAGS_DELETE=false", "OCI_API_MANIFESTS_DELETE=false", "OCI_API_BLOBS_DELETE=false",
		"OCI_RO_DATA_TAGS="+strings.Join(has.Tags, " "), "OCI_RO_DATA_MANIFESTS="+strings.Join(has.Manifests, " "),
		"OCI_RO_DATA_BLOBS="+strings.Join(has.Blobs, " "), "OCI_RO_DATA_REFERRERS="+strings.Join(has.Subjects, " "))

	for _, subject := range has.Subjects {
		if own := onlyHere(t, g, host, repository, subject); len(own) != 0 {
			t.Errorf("of %s the gate lists what nobody attached: %v", subject, own)
		}
	}
	ran := withReferrer(t, host+"/"+repository+":DTA")
	if _, err := crane.Pull(g.image(repository+":DTA"), crane.Insecure); err != nil {
		t.Fatal(err)
	}
	if own := onlyHere(t, g, host, repository, ran); len(own) != 1 || own[0].ArtifactType != report.MediaType {
		t.Errorf("of an image that was run the gate adds %v, not its report", own)
	}
}

// withReferrer pushes an image that the gate runs, and one that refers to it.
func withReferrer(t *testing.T, at string) (subject string) {
	t.Helper()
	ref, err := name.ParseReference(at)
	if err != nil {
		t.Fatal(err)
	}
	img := benign(t)
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	described, err := partial.Descriptor(img)
	if err != nil {
		t.Fatal(err)
	}
	sbom := mutate.Subject(mutate.ConfigMediaType(empty.Image, "application/spdx+json"), *described).(v1.Image)
	if err := remote.Write(ref.Context().Tag("sbom"), sbom); err != nil {
		t.Fatal(err)
	}
	return described.Digest.String()
}

// onlyHere returns what the gate lists as referrers besides all that the
// upstream lists, each as upstream describes it.
func onlyHere(t *testing.T, g *theGate, host, repository, subject string) []v1.Descriptor {
	t.Helper()
	list := func(base string) (index v1.IndexManifest) {
		resp := get(t, http.MethodGet, "http://"+base+"/referrers/"+subject)
		if err := json.NewDecoder(resp.Body).Decode(&index); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("referrers of %s: %s %v", subject, resp.Status, err)
		}
		return index
	}
	theirs, own := list(host+"/v2/"+repository).Manifests, list(g.proxy+"/v2/upstream.test/"+repository).Manifests
	if len(theirs) == 0 {
		t.Fatalf("upstream lists no referrers of %s", subject)
	}
	for _, want := range theirs {
		i := slices.IndexFunc(own, func(d v1.Descriptor) bool { return reflect.DeepEqual(d, want) })
		if i < 0 {
			t.Errorf("of %s the gate does not list %+v", subject, want)
			continue
		}
		own = slices.Delete(own, i, i+1)
	}
	return own
}

// conforms fails unless the suite passes at least so many checks and fails
// none. This version of the suite crashes while it writes its files when it
// only pulled: its summary counts, not its exit code.
func conforms(t *testing.T, program, host, repository string, least int, settings ...string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), append(settings, "OCI_REGISTRY="+host, "OCI_TLS=disabled", "OCI_VERSION=1.1", "OCI_LOG=warn",
		"OCI_REPO1="+repository, "OCI_REPO2="+repository+"-two", "OCI_RESULTS_DIR="+filepath.Join(cmd.Dir, "results"))...)
	out, _ := cmd.CombinedOutput()
	count := func(what string) int {
		m := regexp.MustCompile(`(?m)^  ` + what + `\.+: +(\d+)$`).FindSubmatch(out)
		if m == nil {
			t.Fatalf("the suite prints no count of %q:\n%s", what, out)
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if passed, failed := count("Pass"), count("FAIL")+count("Error"); failed > 0 || passed < least {
		t.Errorf("%s: %d checks passed, %d failed", repository, passed, failed)
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "failed test") || strings.Contains(line, "FAIL") || strings.HasPrefix(strings.TrimSpace(line), "- ") {
				t.Log(strings.TrimSpace(line))
			}
		}
	} else {
		t.Logf("%s: %d checks passed", repository, passed)
	}
}
