// Package tinyelf writes small static Linux programs byte by byte, so that
// tests, the demonstration and the sandbox's payloads need no compiler.
//
// Parameters go in, a complete ELF file comes out. The programs do what their
// names say and nothing else; they are not meant to be fast or general.
package tinyelf

import (
	"errors"
	"net/netip"
)

// ErrArch is for a CPU that this package cannot write for.
var ErrArch = errors.New("tinyelf writes programs for amd64 and arm64 only")

// Hello is a program that prints text on standard output and exits 0.
// arch is amd64 or arm64.
func Hello(arch, text string) ([]byte, error) { return nil, ErrArch }

// Shell is a stand-in for /bin/sh: it reads standard input once, prints answer,
// and exits 0, whatever it was asked to do.
func Shell(arch, answer string) ([]byte, error) { return nil, ErrArch }

// ReverseShell is a program that connects to an IPv4 address, makes the
// connection its standard input, output and error, and executes /bin/sh there.
// It exits 1 when it cannot.
func ReverseShell(arch string, to netip.AddrPort) ([]byte, error) { return nil, ErrArch }

// Server is a program that listens on a TCP port, sends answer to whoever
// connects, closes the connection and waits for the next, count times; then it
// exits 0.
func Server(arch string, port uint16, answer string, count uint32) ([]byte, error) {
	return nil, ErrArch
}
