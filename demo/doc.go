// Package demo makes the two images of the README's walk, a well-behaved web
// server and a backdoor, and a throwaway registry that offers them.
//
// Nothing is compiled or fetched: the programs are written byte by byte with
// internal/tinyelf. The backdoor dials a documentation address that leads
// nowhere outside the sandbox.
package demo
