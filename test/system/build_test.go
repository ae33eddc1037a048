package system

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
)

// peer builds a program of the module test/peers, whose versions are pinned
// there, and returns its path. Go's build cache makes later builds short.
func peer(t *testing.T, pkg string) string {
	t.Helper()
	module, err := filepath.Abs("../peers")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), path.Base(pkg))
	cmd := exec.Command("go", "build", "-C", module, "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, said)
	}
	return out
}
