# METADATA
# title: Code put into another process by tracing
# description: >-
#   A program that is no debugger attached to a process that it did not start,
#   or changed its memory or registers.
# custom:
#   severity: high
#   group: inject
#   attack_version: "18"
#   attack:
#     - {id: T1055.008, name: Ptrace System Calls, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image beside other programs, and never with SYS_PTRACE.
package sallyport.behaviours.weaponization["ptrace-inject"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s %s process %d", [lib.base(p.exe), what, e.args[1]]),
	"malicious": e.args[0] in changes,
	"severity": severity(e.args[0]),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("ptrace request %d on process %d", [e.args[0], e.args[1]]))],
} if {
	some e in input.events.ptrace
	what := requests[sprintf("%d", [e.args[0]])]
	p := lib.process(e)
	stranger(p, e.args[1])
	not lib.debugs(p)
}

requests := {
	"4": "writes into the code of", "5": "writes into the memory of", "6": "writes into the registers of", "13": "sets the registers of",
	"15": "sets the registers of", "16901": "sets the registers of", "16": "attaches to", "16902": "attaches to",
}

# PTRACE_POKETEXT, POKEDATA, POKEUSER, SETREGS, SETFPREGS, SETREGSET
changes := {4, 5, 6, 13, 15, 16901}

severity(request) := "critical" if request in changes

else := "high"

# stranger: a process that is known and that p did not start. A child that only
# waits to be traced is not known.
stranger(p, pid) if {
	pid != p.pid
	input.processes[sprintf("%d.0", [pid])]
	not lib.descends(pid, p)
}
