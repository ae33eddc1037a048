# METADATA
# title: Program executed from shared memory
# description: >-
#   A program or script was executed from a file system that exists in memory
#   only. Programs are installed elsewhere; who puts them there wants to leave
#   nothing on disk.
# custom:
#   severity: high
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Do not run this image before it is known what is executed there. Mount
#     /dev/shm with noexec.
package sallyport.behaviours.initial_execution["shm-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is executed from shared memory", [path]),
	"malicious": new_program(p, path),
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, "is executed"), {"path": path})],
} if {
	some [p, path] in ran
}

# Container runtimes mount it so that nothing there can be executed. Who tries is
# made for another place.
finding contains {
	"message": sprintf("%s tries to execute %s in shared memory", [lib.base(p.exe), path]),
	"malicious": program_there(path),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.call_evidence(e, "tries to execute"), {"path": path})],
} if {
	some e in input.events.exec_try
	path := e.exec.path
	lib.shared_memory(path)
	p := lib.process(e)
}

program_there(path) if lib.files[path].type == "elf"

default program_there(_) := false

ran contains [p, p.exe] if {
	some p in lib.drifting
	lib.shared_memory(p.exe)
	not p.memfd
}

ran contains [p, p.script] if {
	some p in lib.drifting_scripts
	lib.shared_memory(p.script)
}

# A loaded program of which nobody has seen the file is nothing that one writes by hand.
new_program(p, path) if {
	path == p.exe
	lib.elf(p)
}

default new_program(_, _) := false
