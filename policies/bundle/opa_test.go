package bundle_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// The opa command takes a bundle as it stands, signature and all, and says of
// an image what the gate says.
func TestTheOPACommandTakesABundle(t *testing.T) {
	opa := testenv.OPA(t)
	key, public := newKey(t)
	files := bundle.Files{}
	if err := files.Add(os.DirFS("../../examples"), "policies"); err != nil {
		t.Fatal(err)
	}
	a, err := bundle.Build(t.Context(), files, bundle.Settings{Key: key, KeyID: "default", Revision: "r7"})
	if err != nil {
		t.Fatal(err)
	}
	archive := write(t, "bundle.tar.gz", string(a.Bytes))
	run := func(args ...string) []byte {
		t.Helper()
		c := exec.Command(opa, args...)
		c.Dir = t.TempDir()
		var faults strings.Builder
		c.Stderr = &faults
		out, err := c.Output()
		if err != nil {
			t.Fatalf("opa %s: %v\n%s%.2000s", strings.Join(args, " "), err, faults.String(), out)
		}
		return out
	}
	if out := run("inspect", archive); !strings.Contains(string(out), "r7") || !strings.Contains(string(out), "assurance") {
		t.Errorf("inspect:\n%s", out)
	}
	// What OPA builds of a bundle whose signature it has verified.
	run("build", "--bundle", archive, "--verification-key", public, "-o", filepath.Join(t.TempDir(), "out.tar.gz"))

	input := write(t, "input.json", `{"image": {"user": "", "runs_as_root": true, "registry": "docker.io", "repository": "library/nginx", "tags": ["latest"], "labels": {}}}`)
	var answer struct {
		Result []struct {
			Expressions []struct {
				Value map[string]map[string]any
			}
		}
	}
	if err := json.Unmarshal(run("eval", "-b", archive, "-i", input, "data.assurance"), &answer); err != nil {
		t.Fatal(err)
	}
	c, err := bundle.Read(a.Bytes, must(t, bundle.KeySettings{Key: public}))
	if err != nil {
		t.Fatal(err)
	}
	packages := answer.Result[0].Expressions[0].Value
	denied := 0
	for _, p := range c.Policies {
		said, ok := packages[p.Document.Name]
		if !ok {
			t.Errorf("OPA knows no policy %q", p.Document.Name)
		}
		if found, _ := said["deny"].([]any); len(found) > 0 {
			denied++
		}
	}
	if denied == 0 {
		t.Errorf("OPA denies nothing: %v", packages)
	}
	var docs []policies.Document
	for _, p := range c.Policies {
		docs = append(docs, p.Document)
	}
	if _, err := policies.Compile(t.Context(), docs, policies.Options{}); err != nil {
		t.Errorf("what the bundle holds does not compile: %v", err)
	}
}
