package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// Tools is the folder that `make e2e-bin` fills.
type Tools string

// NeedTools continues only where the tools are built, as E2E_BIN says. In CI a
// test that cannot run has failed.
func NeedTools(t testing.TB) Tools {
	t.Helper()
	dir := os.Getenv("E2E_BIN")
	if dir == "" {
		Missing(t, "E2E_BIN names no folder of tools: run `make e2e`")
	}
	if _, err := os.Stat(filepath.Join(dir, ".stamp")); err != nil {
		Missing(t, "the tools are not built: run `make e2e-bin`: "+err.Error())
	}
	return Tools(dir)
}

// Path is where the tool of that name is.
func (d Tools) Path(name string) string { return filepath.Join(string(d), name) }

// Missing skips the test with the reason, or fails it in CI, where everything must
// run.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("in CI everything must run: " + reason)
	}
	t.Skip(reason)
}
