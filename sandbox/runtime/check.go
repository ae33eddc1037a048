package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/subcommands"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/flag"
)

// UnsupportedError says that the machine cannot run sandboxes, and what to change.
type UnsupportedError struct {
	Missing string // e.g. "unprivileged user namespaces are switched off"
	Remedy  string // e.g. "run 'sysctl -w kernel.unprivileged_userns_clone=1' as root"
	Err     error
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("this machine cannot run sandboxes: %s: %s (%v)", e.Missing, e.Remedy, e.Err)
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

// Check tells whether this machine can run sandboxes: nil, or an
// *UnsupportedError that says what to change. It takes some ten milliseconds.
func Check() error {
	if !hooked {
		return errors.New("runtime: main must call ReexecIfSandbox first")
	}
	if err := checkBuild(); err != nil {
		return err
	}
	cmd := reexec("probe")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		if words := strings.TrimSpace(out.String()); words != "" {
			err = errors.New(words)
		}
		return diagnose(hostSysctl, err)
	}
	return nil
}

// ErrCgo is in the error of Check for a binary that was built with cgo.
var ErrCgo = errors.New("gVisor needs a static Go binary")

// checkBuild refuses a binary that the C library starts: the Sentry's own
// copies of it never come up, and a run would only end by its time limit.
func checkBuild() error {
	if !linkedToC {
		return nil
	}
	return &UnsupportedError{
		Missing: "this program was built with cgo",
		Remedy:  "build it with CGO_ENABLED=0",
		Err:     ErrCgo,
	}
}

// probe tries, in a user namespace, what the start of a sandbox will do there.
type probe struct{ util.InternalSubCommand }

func (*probe) Name() string           { return "probe" }
func (*probe) Synopsis() string       { return "try what a sandbox needs" }
func (*probe) Usage() string          { return "probe\n" }
func (*probe) SetFlags(*flag.FlagSet) {}
func (*probe) FetchSpec(*config.Config, *flag.FlagSet) (string, *specs.Spec, error) {
	return "", nil, nil
}

// Execute implements subcommands.Command.
func (*probe) Execute(context.Context, *flag.FlagSet, ...any) subcommands.ExitStatus {
	if err := tryNamespaces(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return subcommands.ExitSuccess
}

func tryNamespaces() error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("changing mounts in a user namespace: %w", err)
	}
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mounting in a user namespace: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("making namespaces in a user namespace: %w", err)
	}
	return nil
}

// hostSysctl reads a kernel setting; "" when the kernel does not have it.
func hostSysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// diagnose finds the setting that is to blame for err.
func diagnose(sysctl func(string) string, err error) error {
	e := &UnsupportedError{Err: err}
	switch {
	case sysctl("user.max_user_namespaces") == "0":
		e.Missing = "user namespaces are switched off"
		e.Remedy = "run 'sysctl -w user.max_user_namespaces=15000' as root, and keep it in /etc/sysctl.d"
	case sysctl("kernel.unprivileged_userns_clone") == "0":
		e.Missing = "user namespaces are reserved for root"
		e.Remedy = "run 'sysctl -w kernel.unprivileged_userns_clone=1' as root, and keep it in /etc/sysctl.d"
	case sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1":
		e.Missing = "AppArmor restricts user namespaces"
		e.Remedy = "run 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0' as root, or load a profile for this program that has 'userns,'"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		e.Missing = "there are too many user namespaces already"
		e.Remedy = "raise user.max_user_namespaces, which is " + sysctl("user.max_user_namespaces")
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL),
		strings.Contains(err.Error(), "user namespace"):
		e.Missing = "it does not let this process make user namespaces and mount in them"
		e.Remedy = "in a container, use a seccomp profile that allows clone and unshare with CLONE_NEWUSER, mount, umount2, pivot_root and setns, and no AppArmor profile that denies mount"
	default:
		return fmt.Errorf("starting a sandbox: %w", err)
	}
	return e
}
