package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/config"
)

const authorsRule = `# METADATA
# title: A rule of an author
# description: For a test.
# custom:
#   severity: high
package sallyport.behaviours.weaponization["authors"]

import data.sallyport.lib

finding contains {"message": "it ran", "evidence": [{"type": "process"}]} if {
	input.run
	count(data.lists.team_names) > 0
}
`

// rulesFolder is what an author has: a rule, names, a test.
func rulesFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"authors.rego":          strings.Replace(authorsRule, "import data.sallyport.lib\n\n", "", 1),
		"lists/names.json":      `{"team_names": ["a"]}`,
		"authors_test.rego":     "package authors_test\n\ntest_it if true\n",
		"observations/one.json": "{}",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func behaviour(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := newBehaviourCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// TestRulesComeFromBundles: a sandbox judges by rules that were packed and
// signed elsewhere, from a file and from a registry, and by their next version
// without a restart.
func TestRulesComeFromBundles(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	dir, archive := rulesFolder(t), filepath.Join(t.TempDir(), "rules.tar.gz")
	at := strings.TrimPrefix(server.URL, "http://") + "/team/rules:prod"
	pack := func() {
		t.Helper()
		if out, err := behaviour(t, "bundle", dir, "-o", archive, "--push", at); err != nil || !strings.Contains(out, "2 files") || !strings.Contains(out, "oci://") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	pack()
	for _, url := range []string{archive, "oci://" + at} {
		cfg := config.Default()
		cfg.Sandbox.RuleBundles = []config.Bundle{{URL: url, Poll: time.Second}}
		line, err := encodeBundles(cfg.Sandbox.RuleBundles)
		if err != nil || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("%q, %v", line, err)
		}
		if cfg.Sandbox.RuleBundles, err = decodeBundles(line + "\n"); err != nil || len(cfg.Sandbox.RuleBundles) != 1 || cfg.Sandbox.RuleBundles[0] != (config.Bundle{URL: url, Poll: time.Second}) {
			t.Fatalf("the child reads %+v, %v", cfg.Sandbox.RuleBundles, err)
		}
		l, err := openRules(t.Context(), cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		if faults := l.Faults(); len(faults) > 0 {
			t.Errorf("%s: %v", url, faults)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		first := l.Ruleset()
		if err := os.WriteFile(filepath.Join(dir, "lists", "names.json"), []byte(`{"team_names": ["`+filepath.Base(url)+`"]}`), 0o644); err != nil {
			t.Fatal(err)
		}
		pack()
		for end := time.Now().Add(3 * time.Minute); l.Ruleset() == first; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: the next version is never in force", url)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestBrokenRulesMakeNoBundle(t *testing.T) {
	dir := rulesFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "broken.rego"), []byte("package sallyport.behaviours.weaponization.x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "rules.tar.gz")
	if _, err := behaviour(t, "bundle", dir, "-o", archive); err == nil || !strings.Contains(err.Error(), "broken.rego") {
		t.Errorf("a broken rule: %v", err)
	}
	if _, err := behaviour(t, "bundle", t.TempDir(), "-o", archive); err == nil || !strings.Contains(err.Error(), "no rule") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := os.Stat(archive); err == nil {
		t.Error("it was made all the same")
	}
}

// TestTheChildsEnvironmentHoldsNoCredentials: those of bundles go through the pipe.
func TestTheChildsEnvironmentHoldsNoCredentials(t *testing.T) {
	cfg := config.Default()
	cfg.Sandbox.RuleBundles = []config.Bundle{{URL: "https://rules.example.com/a.tar.gz", Token: "very-secret"}}
	if slices.ContainsFunc(childEnv(cfg, nil), func(s string) bool { return strings.Contains(s, "very-secret") }) {
		t.Error("the token of a bundle is in the environment")
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T08:00:00Z": time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := moment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "-3h", "2026"} {
		if _, err := moment(text, now); err == nil {
			t.Errorf("%q is a moment", text)
		}
	}
}
