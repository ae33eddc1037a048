package runtime

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// The reasons why a run ended.
const (
	Exited   = "exited"  // the first process ended; see Result.Exit
	TimedOut = "timeout" // Limits.Wall passed
	OutOfMem = "memory"  // Limits.Memory was used up
	Crashed  = "crashed" // the sandbox itself died; see Result.Detail
)

// Result is what came of a run. Every field is set unless said otherwise.
type Result struct {
	End      string        // one of the reasons above
	Detail   string        // End == Crashed: the runtime's last words
	Exit     *event.Status // of the first process; nil unless End == Exited
	Started  time.Time     // when the first process began
	Finished time.Time

	Events       uint64 // that the sensor delivered
	Lost         uint64 // non-critical ones that it had to drop
	LostCritical uint64 // must be 0; otherwise the run proves nothing

	Diff      string // Spec.DiffPath, or "" when it could not be taken; see DiffError
	DiffError string

	Stdout, Stderr           []byte // tails
	StdoutBytes, StderrBytes int64  // all that was written
}

// Run runs spec and waits for its end. It returns an error when the sandbox
// could not be started or ctx ended; what the guest did is never an error.
// Whatever it returns, no process, mount or temporary file remains, but for
// the file at spec.DiffPath, which is the caller's.
//
// Errors: *UnsupportedError when the kernel forbids what a sandbox needs;
// ctx.Err() when ctx ended.
func Run(ctx context.Context, spec Spec) (*Result, error) { return nil, errors.ErrUnsupported }

// ReexecIfSandbox must be the first thing in main, and in TestMain of packages
// that call Run. In a copy of the binary that was started to be a part of a
// sandbox it does that part's work and never returns; otherwise it returns at once.
func ReexecIfSandbox() {}

// Check tells whether this machine can run sandboxes: nil, or an
// *UnsupportedError that says what to change.
func Check() error { return nil }

// Sweep removes what crashed runs left below dir. Runs that are still alive
// are left alone. A missing dir is no error.
func Sweep(dir string) error { return nil }
