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
