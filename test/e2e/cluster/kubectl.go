package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Result is what a command did, as its user sees it.
type Result struct {
	Command        string
	Stdout, Stderr string
	Code           int
}

// Kubectl runs kubectl as the administrator; add --as to be somebody else.
func (c *Cluster) Kubectl(t testing.TB, args ...string) Result {
	t.Helper()
	return c.kubectl(t, "", args...)
}

// Apply runs `kubectl apply` on the manifest, with further args.
func (c *Cluster) Apply(t testing.TB, manifest string, args ...string) Result {
	t.Helper()
	return c.kubectl(t, manifest, append([]string{"apply", "-f", "-"}, args...)...)
}

// Create runs `kubectl create` on the manifest, with further args.
func (c *Cluster) Create(t testing.TB, manifest string, args ...string) Result {
	t.Helper()
	return c.kubectl(t, manifest, append([]string{"create", "-f", "-"}, args...)...)
}

func (c *Cluster) kubectl(t testing.TB, stdin string, args ...string) Result {
	t.Helper()
	return Run(t, c.Command(t, stdin, args...))
}

// Command is kubectl as the administrator, not started yet.
func (c *Cluster) Command(t testing.TB, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, c.tools.Path("kubectl"), args...)
	cmd.Env = []string{"HOME=" + c.dir, "KUBECONFIG=" + c.Kubeconfig, "KUBECACHEDIR=" + filepath.Join(c.dir, "kubectl")}
	cmd.Dir = c.dir
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	return cmd
}

// Run runs a command to its end. Only a command that cannot be run fails the test.
func Run(t testing.TB, cmd *exec.Cmd) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	name := append([]string{filepath.Base(cmd.Path)}, cmd.Args[1:]...)
	return Result{strings.Join(name, " "), stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Done fails the test unless the command succeeded, and returns what it printed.
func (r Result) Done(t testing.TB) string {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("%s ends with %d:\n%s%s", r.Command, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Refused checks that the command failed, and that its user read each of words.
func (r Result) Refused(t testing.TB, words ...string) {
	t.Helper()
	if r.Code == 0 {
		t.Errorf("%s succeeds:\n%s%s", r.Command, r.Stdout, r.Stderr)
	}
	r.Says(t, words...)
}

// Says checks that the user read each of words as a message or warning, however
// the command ended.
func (r Result) Says(t testing.TB, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(r.Stderr, word) {
			t.Errorf("%s does not say %q:\n%s", r.Command, word, r.Stderr)
		}
	}
}

// Silent checks that nobody was warned of anything.
func (r Result) Silent(t testing.TB) {
	t.Helper()
	if r.Stderr != "" {
		t.Errorf("%s says:\n%s", r.Command, r.Stderr)
	}
}

var namespaces atomic.Int64

// Namespace makes a namespace with the labels ("key=value") in which pods can
// be made, and has it deleted after the test.
func (c *Cluster) Namespace(t testing.TB, labels ...string) string {
	t.Helper()
	slug := strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-"))
	name := strings.Trim(fmt.Sprintf("%d-%.40s", namespaces.Add(1), slug), "-")
	c.Kubectl(t, "create", "namespace", name).Done(t)
	t.Cleanup(func() {
		if r := c.Kubectl(t, "delete", "namespace", name, "--wait=false"); r.Code != 0 {
			t.Errorf("%s: %s", r.Command, r.Stderr)
		}
	})
	if len(labels) > 0 {
		c.Kubectl(t, append([]string{"label", "namespace", name}, labels...)...).Done(t)
	}
	Eventually(t, "namespace "+name+" has its service account", func() bool {
		return c.Kubectl(t, "-n", name, "get", "serviceaccount", "default").Code == 0
	})
	return name
}
