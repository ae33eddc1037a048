# METADATA
# title: Program executed from memory
# description: >-
#   A program was loaded from an anonymous file in memory (memfd_create), so
#   that it never stood in the file system where a scanner could read it.
# custom:
#   severity: critical
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1620, name: Reflective Code Loading, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image. The parent process brings the hidden program:
#     find out where it got it from.
package sallyport.behaviours.initial_execution["memfd-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is executed from memory, as %q", [p.exe, lib.command(p)]),
	"malicious": true,
	"confidence": 98,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.process_evidence(p, "loaded from memory")], created(p)),
} if {
	some p in input.processes
	not p.probe
	not p.forked
	in_memory(p)
	not runtime_clone(p)
}

in_memory(p) if p.memfd

in_memory(p) if startswith(p.exe, "/memfd:")

# Container runtimes execute a copy of their own file, so that what they run
# cannot overwrite it: same bytes as the program of the image that made it.
runtime_clone(p) if {
	some name in p.names
	name in lib.names_in(data.lists.container_runtimes)
	original := input.processes[p.parent]
	not original.drift
	not original.memfd
	original.sha256 == p.sha256
	count(p.sha256) > 0
}

# created is the memfd_create of the process itself or of its parent, if it was seen.
created(p) := lib.first(1, {lib.call_evidence(e, sprintf("memfd_create(%q)", [object.get(e, "name", "")])) |
	some e in input.events.memfd
	e.process in {p.id, p.parent}
})
