# METADATA
# title: Program runs on after its file was removed
# description: >-
#   The file of a running program is gone: it was removed before the program
#   ran, or while it went on running. Nothing is left to examine.
# custom:
#   severity: high
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1070.004, name: File Deletion, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image before the program is known; the report names its
#     hash.
package sallyport.behaviours.initial_execution["deleted-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs without its file%s", [p.exe, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": array.concat(removal, [lib.process_evidence(p, concat("; ", array.concat(["runs on"], sort(proofs))))]),
} if {
	some [p, removal] in orphaned
	proofs := {"it was not in the image, and calls somebody" |
		p.drift
		lib.dials(p.id)
	}
}

orphaned contains [p, []] if {
	some p in lib.loaded
	p.deleted
	not lib.packaged(p.id)
}

orphaned contains [p, [lib.file_evidence(e, "removes the program's file")]] if {
	count(removed) > 0
	some p in lib.loaded
	p.exe in paths
	some e in array.slice(removed, 0, 200)
	e.path == p.exe
	e.seq > p.event
	goes_on(p, e)
	not lib.packaged(e.process)
}

removed := [e |
	some e in input.events.unlink
	e.path in programs
	not e.probe
	object.get(e, "errno", 0) == 0
]

paths := {e.path | some e in removed}

programs := {p.exe | some p in lib.loaded}

# Installers that unpack themselves end at once.
goes_on(p, _) if p.end_ms == 0

goes_on(p, e) if p.end_ms - e.ms >= 5000
