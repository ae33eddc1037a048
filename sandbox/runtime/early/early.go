// Package early puts the garbage collector off while a copy of the binary that
// is a part of a sandbox starts. What all linked packages make of heap when they
// are initialised (10 MB) is otherwise collected twice before main begins, which
// takes a quarter of a start's CPU time, for every process of every run.
//
// It must be initialised before most of them, and is: Go initialises packages in
// the order of their import paths, each as soon as what it imports is, and this
// one imports next to nothing. GOGC in the environment would not do: gVisor
// empties that of the Sentry.
package early

import (
	"os"
	"runtime/debug"
	"time"
)

// percent is GOGC while a part starts; settled is when that is over. A short run
// ends without a collection, a long one has the memory that it always had.
const (
	percent = 400
	settled = 2 * time.Second
)

// Part tells whether this process was started to be a part of a sandbox: by its
// name, because gVisor starts its own parts with an empty environment.
func Part() bool {
	name := os.Args[0]
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			name = name[i+1:]
			break
		}
	}
	switch name {
	case "runsc", "runsc-sandbox", "runsc-gofer", "exe":
		return true
	}
	return false
}

func init() {
	if len(os.Args) > 0 && Part() {
		debug.SetGCPercent(percent)
	}
}

// Settle has the garbage collector work as ever when the part has started, and
// gives back what the start left behind. It returns at once.
func Settle() {
	time.AfterFunc(settled, func() {
		debug.SetGCPercent(100)
		debug.FreeOSMemory()
	})
}
