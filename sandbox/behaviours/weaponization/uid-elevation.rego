# METADATA
# title: Root without the way that leads there
# description: >-
#   A process that did not run as root became root through a program that did not
#   come with the image as one that may do so.
# custom:
#   severity: critical
#   group: privilege
#   attack_version: "18"
#   attack:
#     - {id: T1068, name: Exploitation for Privilege Escalation, tactic: Privilege Escalation}
#     - {id: T1548.001, name: Setuid and Setgid, tactic: Privilege Escalation}
#   remediation: >-
#     Run the container with no-new-privileges, and find out who made the program
#     run as root.
package sallyport.behaviours.weaponization["uid-elevation"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs as root, started by user %d", [p.exe, user]),
	"malicious": true,
	"confidence": 93,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.process_evidence(p, sprintf("user %d becomes root", [user]))], lib.first(2, prepared(p.exe))),
} if {
	some p in lib.drifting
	p.provenance != "pkgmgr"
	user := before(p)
	not lib.packaged(p.id)
}

# before is the user that p was started by, who was not root.
before(p) := p.uid if {
	p.elevated
} else := p.uid if {
	p.euid == 0
	p.uid != 0
} else := parent.uid if {
	p.euid == 0
	p.uid == 0
	parent := input.processes[p.parent]
	parent.uid != 0
	parent.euid != 0
}

prepared(path) := {lib.call_evidence(e, sprintf("mode %04o", [bits.and(e.mode, 4095)])) |
	some e in input.events.chmod
	e.path == path
}
