// Package runtime runs one program of an image in a gVisor sandbox and tells
// what came of it.
//
// A Spec enters (root file system, process, files to inject, network link,
// limits); events, a Result and the tar of the file system's difference leave.
// The binary is its own runsc: ReexecIfSandbox at the top of main turns a
// re-executed copy into the sandbox, so nothing needs to be installed. A
// sandbox needs no privilege, only user namespaces.
//
// After Run returns, no process, mount or temporary file of the run remains. It
// never plans a run, talks to a network or judges what it saw.
package runtime
