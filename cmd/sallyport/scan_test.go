package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Whoever scans through a gate is told what the gate decided; that another
// registry does not let somebody in says nothing of the image.
func TestScanOfWhatCannotBeFetched(t *testing.T) {
	for _, c := range []struct {
		name, code, message string
		exit                int
	}{
		{"a gate denies it", "DENIED", "sallyport: demo.test/shell:v1 denied: policy DTA", exitFailed},
		{"a registry denies whoever asks", "DENIED", "requested access to the resource is denied", exitError},
		{"a gate does not have it", "MANIFEST_UNKNOWN", "sallyport: demo.test has no shell:v1", exitError},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprintf(w, `{"errors": [{"code": %q, "message": %q, "detail": {"decision_id": "01"}}]}`, c.code, c.message)
			}))
			t.Cleanup(server.Close)
			t.Chdir(t.TempDir())
			out, errOut := exits(t, c.exit, "scan", strings.TrimPrefix(server.URL, "http://")+"/demo.test/shell:v1")
			if !strings.Contains(errOut, c.message) || out != "" {
				t.Errorf("printed %q and %q, want %q as an error", out, errOut, c.message)
			}
			if denied := c.exit == exitFailed; denied && strings.Contains(errOut, "map[") {
				t.Errorf("the detail is printed as Go prints a map: %s", errOut)
			}
		})
	}
}

// Who asks for one platform is not told about another.
func TestScanOfAnotherPlatform(t *testing.T) {
	config, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "s390x"
	img, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := crane.Save(img, "sample.test/image:v1", archive); err != nil {
		t.Fatal(err)
	}
	if out, errOut := exits(t, exitError, "scan", "--archive", archive, "--platform", "linux/arm64"); out != "" || !strings.Contains(errOut, "the image is for linux/s390x, not for linux/arm64") {
		t.Errorf("printed %q and %q", out, errOut)
	}
}
