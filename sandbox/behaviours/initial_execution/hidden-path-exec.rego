# METADATA
# title: Program executed from a hidden path
# description: >-
#   A program or script was executed from a path that is made not to be noticed:
#   a folder or file whose name begins with a dot or holds blanks, in a place
#   for temporary or shared files.
# custom:
#   severity: high
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1564.001, name: Hidden Files and Directories, tactic: Defense Evasion}
#   remediation: >-
#     Find out which layer or process put it there. Programs belong into the
#     folders for programs.
package sallyport.behaviours.initial_execution["hidden-path-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%q is executed", [path]),
	"malicious": new_program(p, path),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, "is executed from a hidden path"), {"path": path})],
} if {
	some [p, path] in ran
}

ran contains [p, p.exe] if {
	some p in lib.loaded
	unusual(p.exe)
	lib.offside(p.exe)
	not p.memfd
}

ran contains [p, p.script] if {
	some p in lib.loaded
	unusual(p.script)
	lib.offside(p.script)
}

# unusual is the quick question before the exact one.
unusual(path) if contains(path, "/.")

unusual(path) if contains(path, " ")

new_program(p, path) if {
	path == p.exe
	p.drift
	p.provenance != "pkgmgr"
	lib.elf(p)
}

default new_program(_, _) := false
