// Package replay tests that earlier runs are judged by the rules of now: the
// gate's part (package analysis) with the real sandbox service and real rules.
// It is a package of its own, since the sandbox cannot be linked under the race
// detector, under which analysis is tested.
package replay
