package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// OPA builds the opa command of the module test/opa, which is the version that
// is compiled in, and returns where it is. The go command keeps it in its cache.
func OPA(t testing.TB) string {
	t.Helper()
	NeedCommand(t, "go")
	_, here, _, _ := runtime.Caller(0)
	build := exec.Command("go", "tool", "-n", "opa")
	build.Dir = filepath.Join(filepath.Dir(here), "..", "..", "test", "opa")
	// The command is the same whether or not the test has the race detector.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	var faults strings.Builder
	build.Stderr = &faults
	path, err := build.Output()
	if err != nil {
		Missing(t, "cannot build the opa command in test/opa: "+err.Error()+"\n"+faults.String())
	}
	return strings.TrimSpace(string(path))
}
