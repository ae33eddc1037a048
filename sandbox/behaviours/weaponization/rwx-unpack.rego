# METADATA
# title: Program makes its own memory executable
# description: >-
#   A program that has no compiler for its own use made memory executable that it
#   had filled. Packed programs unpack themselves so.
# custom:
#   severity: medium
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1027.002, name: Software Packing, tactic: Defense Evasion}
#     - {id: T1620, name: Reflective Code Loading, tactic: Defense Evasion}
#   remediation: >-
#     Find out what the program is. Programs from their vendors are rarely packed.
package sallyport.behaviours.weaponization["rwx-unpack"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s makes memory executable", [lib.base(p.exe)]),
	"severity": "medium",
	"confidence": 65,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("%s of memory without a file", [e.name]))],
} if {
	some e in input.events.wx_memory
	p := lib.process(e)
	not compiles(p)
}

# compiles: its runtime makes code while it runs.
compiles(p) if {
	not p.drift
	some name in p.names
	name in lib.names_in(data.lists.compiling_runtimes)
}
