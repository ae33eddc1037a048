package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/policies/document"
)

func TestBundleCommand(t *testing.T) {
	serveConsole(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	if err := os.MkdirAll("mine", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("mine", "a.yaml"), []byte("name: a\nonly_none_root_users: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "policy", "bundle", "-f", "mine", "--revision", "r1"); out != "bundle.tar.gz: revision r1, 1 policy, 3 files\n" {
		t.Errorf("printed %q", out)
	}
	rs, err := rego.New(rego.LoadBundle("bundle.tar.gz"), rego.Query("data.assurance.a.deny")).Eval(t.Context())
	if err != nil || len(rs) != 1 {
		t.Errorf("OPA: %v, %v", rs, err)
	}

	// Of the gate, pushed to a registry.
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/policies:1"
	if out := must(t, "policy", "bundle", "--push", ref); !strings.HasPrefix(out, "oci://"+strings.TrimSuffix(ref, ":1")+"@sha256:") || strings.Contains(out, "bundle.tar.gz") {
		t.Errorf("printed %q", out)
	}
	s, err := bundle.New(bundle.Config{URL: "oci://" + ref})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Read(f.Bytes); err != nil || len(c.Policies) != 2 || c.Policies[0].Document.Name != "DTA" {
		t.Errorf("contents %+v, %v", c, err)
	}
	must(t, "policy", "bundle", "DTA", "-o", "one.tar.gz")
	fails(t, []string{"policy", "bundle", "DTA", "-f", "mine"}, "not both")
	fails(t, []string{"policy", "bundle", "nonsense"}, "nonsense")
	there := policies.Document{Name: "p", CustomChecks: []document.CustomCheck{{Path: "checks/age"}}}
	if err := addFetched(bundle.Files{}, there); err == nil || !strings.Contains(err.Error(), "checks/age stands in a file of the gate") {
		t.Errorf("a check whose files only the gate has: %v", err)
	}
	fails(t, []string{"policy", "bundle", "-f", "nowhere"}, "nowhere")
	fails(t, []string{"policy", "bundle", "-f", t.TempDir()}, "there is no policy in")
	fails(t, []string{"policy", "bundle", "-f", "mine", "--signing-key", "nowhere.pem"}, "nowhere.pem")
}
