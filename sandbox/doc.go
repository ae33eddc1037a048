// Package sandbox runs one image and tells what it did.
//
// An image that was already fetched goes in; a report, and the raw record
// behind it, come out. Between the two it is verified, squashed to a read-only
// root file system, started under gVisor in front of a simulated internet,
// watched, judged, and deleted, also when something breaks on the way.
//
// Nothing of the gate is in here: no queue, no policy, no storage, no
// credential. The package never imports gate, policies, verdict, analysis,
// proxy, webhook, console or Redis, since it shares its process with hostile input.
package sandbox
