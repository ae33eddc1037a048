// Package clock moves the guest's time: it runs inside the Sentry, and makes
// all of its clocks jump together to when something waits for a time.
//
// A kernel enters; jumps leave through a callback, before they happen. Nothing
// of gVisor is patched. The kernel's source of time is wrapped, once, by one
// that adds what was skipped; from there it reaches system calls, /proc, the
// page from which the guest reads the clock without a system call, and the
// network stack. What waits is found where gVisor keeps it: a task that blocks
// with a deadline, whatever system call it is in, has one timer; interval
// timers belong to a process, timerfds to a descriptor. So nothing needs to be
// intercepted, and a guest whose clocks never jump pays nothing.
//
// The few fields of gVisor's that have no accessor are looked up by name and
// checked by type: a gVisor that keeps them elsewhere is an error, not a crash.
package clock
