// Command sallyport is a security gate for container images: one static binary
// whose subcommands build the parts and run them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "devel"

func main() {
	// The sandbox is this binary, started again under another name.
	runtime.ReexecIfSandbox()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exitCode(newRoot().ExecuteContext(ctx)))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sallyport",
		Short:         "A gate for container images: runs them first, lets nothing through that was proved malicious",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newServeCommand(), newRoleCommand(roleProxy), newRoleCommand(roleWebhook), newRoleCommand(roleConsole),
		newSandboxCommand(), newScanCommand(), newDemoCommand(),
	)
	root.AddCommand(clientCommands()...)
	root.Version = version // --version; `sallyport version` tells more
	explainUsage(root)
	return root
}

// Exit codes beside 0; what a command means by them is in its help.
const (
	exitFailed       = 1 // the gate would not let the image through, or a command did not succeed
	exitInconclusive = 2
	exitError        = 3 // scan: it could not be found out
)

// codeError ends the program with a code of its own.
type codeError struct {
	code int
	err  error // nil: everything was said already
}

func (e codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e codeError) Unwrap() error { return e.err }

// exitCode prints err, one line per cause, and gives the process's exit code.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	err = explainToken(err)
	var coded codeError
	if errors.As(err, &coded) {
		if coded.err != nil {
			fmt.Fprintln(os.Stderr, "sallyport:", coded.err)
		}
		return coded.code
	}
	fmt.Fprintln(os.Stderr, "sallyport:", err)
	return exitFailed
}
