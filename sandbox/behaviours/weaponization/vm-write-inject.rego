# METADATA
# title: Memory of another process written
# description: >-
#   A program wrote into the memory of a process that it has nothing to do with.
# custom:
#   severity: high
#   group: inject
#   attack_version: "18"
#   attack:
#     - {id: T1055, name: Process Injection, tactic: Defense Evasion}
#     - {id: T1055.009, name: Proc Memory, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image beside other programs, and never with SYS_PTRACE.
package sallyport.behaviours.weaponization["vm-write-inject"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s writes into the memory of process %d", [lib.base(p.exe), pid]),
	"malicious": not_related(p, pid),
	"severity": severity(p, pid),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("process_vm_writev into process %d", [pid]))],
} if {
	some e in input.events.process_vm
	e.name == "process_vm_writev"
	pid := e.args[0]
	p := lib.process(e)
	pid != p.pid
	not lib.debugs(p)
	not lib.peers(p, pid)
}

finding contains {
	"message": sprintf("%s opens the memory of process %d for writing", [lib.base(p.exe), pid]),
	"malicious": not_related(p, pid),
	"severity": severity(p, pid),
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.touched_evidence(t), {"path": path})],
} if {
	some t in lib.touched
	t.kind == "write"
	some path in {t.path, object.get(t.event, "target", "")}
	startswith(path, "/proc/")
	endswith(path, "/mem")
	p := lib.process(t.event)
	pid := lib.foreign(path, p)
	not lib.debugs(p)
}

not_related(p, pid) if not lib.related(p, pid)

else := false

severity(p, pid) := "critical" if not_related(p, pid)

else := "high"
