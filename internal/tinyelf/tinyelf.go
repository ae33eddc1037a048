// Package tinyelf writes small static Linux programs byte by byte, so that
// tests, the demonstration and the sandbox's payloads need no compiler.
//
// Parameters go in, a complete ELF file comes out. The programs do what their
// names say and nothing else; they are not meant to be fast or general.
//
// A program is a sequence of system calls, written once (programs.go). An
// instruction set turns it into bytes (amd64.go, arm64.go), and the ELF header
// goes in front (file.go). For CPUs of 32 bits there is one program (foreign.go).
package tinyelf

import (
	"errors"
	"fmt"
)

// ErrArch is for a CPU that this package cannot write for.
var ErrArch = errors.New("tinyelf has no such program for this CPU")

// instructions is the instruction set of one CPU. Each method returns the bytes
// of one step; what refers to a place elsewhere is filled in by patch.
type instructions interface {
	machine() uint16     // e_machine
	number(c call) int64 // of a system call
	loadImmediate(arg int, v int64) []byte
	loadAddress(arg int) []byte // of a place, relative to this instruction
	loadKept(arg int, k kept) []byte
	loadStack(arg int) []byte
	reserve() []byte           // 4096 bytes of stack
	enter(number int64) []byte // the system call itself
	keep(k kept) []byte        // its result
	set(k kept, v uint32) []byte
	jumpIfFailed() []byte    // when its result is negative
	countDown(k kept) []byte // and jump unless zero

	// patch makes the reference at the end of code[at:at+size] point distance
	// bytes from at.
	patch(code []byte, at, size, distance int)
}

// call is a system call that the programs use.
type call int

const (
	callRead call = iota
	callWrite
	callClose
	callExit
	callDup // dup2, or dup3 where that is all there is
	callExecve
	callSocket
	callConnect
	callBind
	callListen
	callAccept
	callSetsockopt
)

// kept is one of the three values that survive a system call.
type kept int

const (
	first kept = iota
	second
	third
)

func instructionsFor(arch string) (instructions, error) {
	switch arch {
	case "amd64":
		return amd64{}, nil
	case "arm64":
		return arm64{}, nil
	}
	return nil, fmt.Errorf("%w, not for %q", ErrArch, arch)
}
