package node

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

// inside is set in the environment of the process in the namespaces: the folder
// that it works in.
const inside = "E2E_NODE_INSIDE"

// enter runs the calling test in namespaces of its own: in the process in which
// it was called, enter returns false after the other one has passed; in the
// other one it returns true at once.
func enter(t *testing.T) bool {
	if os.Getenv(inside) != "" {
		return true
	}
	need(t)
	dir, err := os.MkdirTemp("", "e2e-node-") // short: sockets live in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leave(t, filepath.Base(dir))
		if t.Failed() && os.Getenv("E2E_KEEP") != "" {
			t.Logf("kept: %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=15m")
	cmd.Env = append(os.Environ(), inside+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		cluster.Missing(t, "needs namespaces: "+err.Error())
	}
	var skipped string
	for lines := bufio.NewScanner(read); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "--- SKIP") {
			skipped = line
		}
		t.Log(line)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("in its namespaces: %v", err)
	}
	if skipped != "" {
		cluster.Missing(t, skipped)
	}
	return false
}

// need continues only where a node can be.
func need(t testing.TB) {
	t.Helper()
	cluster.NeedTools(t)
	if os.Geteuid() != 0 {
		cluster.Missing(t, "needs root: run it as uid 0")
	}
	for command, from := range map[string]string{"containerd": "containerd", "runc": "runc", "ip": "iproute2", "nft": "nftables", "redis-server": "redis-server"} {
		if _, err := exec.LookPath(command); err != nil {
			cluster.Missing(t, "needs the Debian package "+from)
		}
	}
	if _, err := os.Stat("/usr/lib/cni/bridge"); err != nil {
		cluster.Missing(t, "needs the Debian package containernetworking-plugins")
	}
	for _, name := range []string{"GATE_UNDER_TEST", "IMAGE_UNDER_TEST"} {
		if _, err := os.Stat(os.Getenv(name)); err != nil {
			cluster.Missing(t, name+" names no file: run `make e2e`")
		}
	}
}

// leave removes the control groups that a node leaves behind: those of the
// kubelet below group, and none of anybody else's.
func leave(t testing.TB, group string) {
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/" + group)
	for _, root := range append(roots, filepath.Join("/sys/fs/cgroup", group)) {
		var dirs []string
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			// The kernel takes a moment to bury what was killed.
			for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				err := syscall.Rmdir(dirs[i])
				if err == nil || errors.Is(err, fs.ErrNotExist) {
					break
				}
				if time.Now().After(end) {
					t.Errorf("left behind: control group %s: %v", dirs[i], err)
					break
				}
			}
		}
	}
}

// sh runs a command that sets up the machine.
func sh(t testing.TB, format string, args ...any) string {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	out, err := exec.Command("/bin/sh", "-ec", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
