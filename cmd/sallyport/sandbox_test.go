package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClaim(t *testing.T) {
	for name, c := range map[string]struct {
		before func(dir string) error
		want   string // in the error; empty for none
	}{
		"nothing there":    {func(string) error { return nil }, ""},
		"ours from before": {func(dir string) error { return os.Mkdir(dir, 0o700) }, ""},
		"open to others":   {func(dir string) error { return os.Mkdir(dir, 0o755) }, "SALLYPORT_SANDBOX_DIR"},
		"a link elsewhere": {func(dir string) error { return os.Symlink(t.TempDir(), dir) }, "SALLYPORT_SANDBOX_DIR"},
		"a file":           {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "SALLYPORT_SANDBOX_DIR"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "scratch")
			if err := c.before(dir); err != nil {
				t.Fatal(err)
			}
			err := claim(dir)
			if c.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestInstallProfile(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "sandbox.json"), filepath.Join(dir, "seccomp", "sallyport", "sandbox.json")
	for _, text := range []string{"{}", `{"defaultAction": "SCMP_ACT_ERRNO"}`} {
		if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := installProfile(from, to, new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(to)
		if err != nil || string(got) != text {
			t.Errorf("the profile is %q, %v, want %q", got, err, text)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("its mode is %v, %v: the kubelet must be able to read it", info.Mode(), err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(to)); err != nil || len(entries) != 1 {
		t.Errorf("beside it lie %v, %v", entries, err)
	}
}
