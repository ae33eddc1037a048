// Package testenv tells a test what the machine offers. What is missing skips
// the test with the reason, but fails it in CI, where everything must run. The
// module test/e2e cannot import it, and keeps the same rule in cluster.Missing.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// NeedRoot continues only for uid 0.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root: run it as uid 0")
	}
}

// NeedCommand continues only when name is on PATH, and returns where.
func NeedCommand(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "needs "+name+" on PATH: 'make test' installs it on Debian as root")
	}
	return path
}

// Missing skips the test with the reason, or fails it in CI.
func Missing(t testing.TB, reason string) {
	t.Helper()
	missing(t, reason)
}

func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("in CI everything must run: " + reason)
	}
	t.Skip(reason)
}
