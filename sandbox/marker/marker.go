// Package marker makes the payloads that the simulated internet serves to a
// guest that fetches programs.
//
// A token goes in; a harmless program that prints it comes out. Seen on the
// standard output of a run, the token proves that what was downloaded was executed.
package marker

import "errors"

// ErrArch is for a CPU that this package has no program for.
var ErrArch = errors.New("no marker program for this CPU: only amd64 and arm64")

// ELF is a static program for a CPU as Go spells it (amd64, arm64) that prints
// token and a newline, and exits 0.
func ELF(arch, token string) ([]byte, error) { return nil, ErrArch }

// Script is a POSIX shell script that prints token, and exits 0.
func Script(token string) []byte { return nil }
