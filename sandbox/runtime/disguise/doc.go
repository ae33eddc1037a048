// Package disguise makes the kernel that a guest finds look like that of an
// ordinary machine with Docker: it runs inside the Sentry.
//
// It replaces some of gVisor's system calls by ones that give other answers
// where gVisor would give itself away, and changes what /proc and /sys say
// before the guest's first call is answered. Nothing of gVisor is patched: its
// file systems take new files and other contents through methods of their own.
// The two names that must go lie in fields without accessors; they are looked
// up by name and checked by type, and a gVisor that keeps them elsewhere is
// logged, and shows.
//
// What cannot be hidden is listed in docs/architecture.md.
package disguise
