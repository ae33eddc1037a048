// Package marker makes the payloads that the simulated internet serves to a
// guest that fetches programs.
//
// A token goes in; a harmless program that prints it comes out. Seen on the
// standard output of a run, the token proves that what was downloaded was executed.
package marker

import (
	"fmt"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

// Arches are the CPUs for which there are programs, as Go spells them, and ppc.
var Arches = []string{"amd64", "arm64", "arm", "mips", "mipsle", "ppc"}

// ELF is a static program for one of Arches that prints token and a newline, and
// exits 0. The error wraps tinyelf.ErrArch for any other CPU.
func ELF(arch, token string) ([]byte, error) {
	write := tinyelf.Foreign
	if arch == "amd64" || arch == "arm64" {
		write = tinyelf.Hello
	}
	program, err := write(arch, token+"\n")
	if err != nil {
		return nil, fmt.Errorf("marker payload: %w", err)
	}
	return program, nil
}

// Script is a POSIX shell script that prints token and a newline, and exits 0.
// It uses nothing but the shell itself.
func Script(token string) []byte {
	quoted := "'" + strings.ReplaceAll(token, "'", `'\''`) + "'"
	return []byte("#!/bin/sh\necho " + quoted + "\nexit 0\n")
}
