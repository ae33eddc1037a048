package node

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func (n *node) command(tool string, args ...string) *exec.Cmd {
	cmd := exec.Command(n.tools.Path(tool), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+n.kubeconfig, "HOME="+n.dir+"/home", "XDG_CACHE_HOME="+n.dir+"/home/cache")
	return cmd
}

// try runs kubectl and returns all that it says.
func (n *node) try(args ...string) (string, error) {
	out, err := n.command("kubectl", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// kubectl is try that must succeed.
func (n *node) kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := n.try(args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// apply is kubectl apply of a manifest.
func (n *node) apply(t testing.TB, manifest string) {
	t.Helper()
	cmd := n.command("kubectl", "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, manifest)
	}
}

// helm must succeed.
func (n *node) helm(t testing.TB, args ...string) string {
	t.Helper()
	began := time.Now()
	out, err := n.command("helm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("helm %s: %v", args[0], time.Since(began).Round(100*time.Millisecond))
	return string(out)
}
