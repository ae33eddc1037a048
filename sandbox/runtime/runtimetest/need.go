// Package runtimetest tells tests whether sandboxes can run here.
package runtimetest

import (
	"errors"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// Need continues only where sandboxes can run. What the machine lacks fails the
// test in CI; a binary with cgo, which the race detector needs, skips it there
// too: gVisor cannot be run so, and the ordinary tests do.
func Need(t testing.TB) {
	t.Helper()
	err := runtime.Check()
	switch {
	case errors.Is(err, runtime.ErrCgo):
		t.Skip(err)
	case err != nil:
		testenv.Missing(t, err.Error())
	}
}
