package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// started is the folder of the package under test, where its tests begin; some
// go elsewhere.
var started, _ = os.Getwd()

// OPA builds the opa command of the module test/opa, which is the version that
// is compiled in, and returns where it is. The go command keeps it in its cache.
func OPA(t testing.TB) string {
	t.Helper()
	NeedCommand(t, "go")
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}")
	list.Dir = started
	root, err := list.Output()
	if err != nil {
		Missing(t, "the folder of this module is not known: "+err.Error())
	}
	build := exec.Command("go", "tool", "-n", "opa")
	build.Dir = filepath.Join(strings.TrimSpace(string(root)), "test", "opa")
	// The command is the same whether or not the test has the race detector.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-trimpath") // as make compiles the same packages
	var faults strings.Builder
	build.Stderr = &faults
	path, err := build.Output()
	if err != nil {
		Missing(t, "cannot build the opa command in test/opa: "+err.Error()+"\n"+faults.String())
	}
	return strings.TrimSpace(string(path))
}
