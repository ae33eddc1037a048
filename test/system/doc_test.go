// Package system tests the gate as its users meet it: the built binary, a real
// Docker engine, skopeo, Redis, gVisor, and an upstream registry on loopback.
// A real Kubernetes is tried in a module of its own, test/e2e.
package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if binary = os.Getenv("GATE_UNDER_TEST"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "sallyport-system")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// The sandbox child runs as nobody and starts this file again.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "sallyport")
	build := exec.Command("go", "build", "-o", binary, "github.com/sallyport-dev/sallyport/cmd/sallyport")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
