package runtime

import (
	"fmt"
	"os"
	"path/filepath"

	"gvisor.dev/gvisor/runsc/cli"
	"gvisor.dev/gvisor/runsc/cmd"
	"gvisor.dev/gvisor/runsc/cmd/sentry/sentrycmd"
	"gvisor.dev/gvisor/runsc/cmd/util"

	"github.com/sallyport-dev/sallyport/sandbox/runtime/disguise"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/early"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/filters"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// hooked is set when the binary's main has called ReexecIfSandbox. Without it
// a re-executed copy would run the program again instead of a sandbox.
var hooked bool

// ReexecIfSandbox must be the first thing in main, and in TestMain of packages
// that call Run. In a copy of the binary that was started to be a part of a
// sandbox it does that part's work and never returns; otherwise it returns at once.
//
// The switch is argv[0]: gVisor starts its own parts with an empty environment.
func ReexecIfSandbox() {
	if !early.Part() {
		hooked = true
		return
	}
	early.Settle()
	if filepath.Base(os.Args[0]) == "runsc-sandbox" {
		if err := filters.Install(); err != nil {
			fmt.Fprintln(os.Stderr, "starting more slowly:", err)
		}
		os.Args = disguise.CPUs(os.Args)
		disguise.Install()
	}
	sensor.Register(sensorEnd)
	cli.Run(nil, map[util.SubCommand]string{
		new(detonate):         "",
		new(probe):            "",
		new(sentrycmd.Boot):   "",
		new(sentrycmd.Umount): "",
		new(cmd.Gofer):        "",
	}, nil)
	os.Exit(1) // cli.Run does not return
}
