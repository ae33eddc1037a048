// Package filters brings along the system-call filter of the Sentry in its
// final form. gVisor's own releases have it compiled in; its Go module has not,
// so that every start of a sandbox would compile it again, for 15 ms of CPU time.
//
// Nothing enters, and Install changes one table of gVisor's. The programs are
// gVisor's own, made by its own compiler for the version in go.mod, see the
// test; for another version, or a CPU for which there is none, gVisor compiles
// as before.
package filters
