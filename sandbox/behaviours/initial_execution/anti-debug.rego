# METADATA
# title: Program keeps debuggers away
# description: >-
#   A program asked to be traced by its parent although nobody traces it: that
#   fails under a debugger, by which it knows that one looks on, and nobody can
#   attach later.
# custom:
#   severity: medium
#   group: evade
#   attack_version: "18"
#   attack:
#     - {id: T1622, name: Debugger Evasion, tactic: Defense Evasion}
#   remediation: >-
#     Find out what the program hides from.
package sallyport.behaviours.initial_execution["anti-debug"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s keeps debuggers away", [lib.base(p.exe)]),
	"confidence": 75,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, "ptrace(PTRACE_TRACEME)")],
} if {
	some e in input.events.ptrace
	e.args[0] == 0
	p := lib.process(e)
	not becomes(p)
	not watched(p)
}

# A debugger's child asks for it, and then becomes the program to look into.
becomes(p) if {
	some id in p.children
	input.processes[id].pid == p.pid
}

watched(p) if {
	some id in array.concat([p.id], p.lineage)
	lib.debugs(input.processes[id])
}
