# METADATA
# title: Program made to run as its owner
# description: >-
#   A program set the set-user-ID bit of a file, or gave it a capability. Whoever
#   starts such a file gets the rights of its owner; on a shell or on what came
#   in at run time it is a way back to root.
# custom:
#   severity: high
#   group: privilege
#   attack_version: "18"
#   attack:
#     - {id: T1548.001, name: Setuid and Setgid, tactic: Privilege Escalation}
#   remediation: >-
#     Set such rights at build time, on programs made for them, and run the
#     container with no-new-privileges.
package sallyport.behaviours.weaponization["suid-create"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s makes %s run as its owner%s", [lib.base(p.exe), e.path, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("chmod to %s", [octal(e.mode)]))],
} if {
	some e in input.events.chmod
	sets_identity(e)
	p := lib.process(e)
	not lib.packaged(p.id)
	proofs := proof(e.path)
}

finding contains {
	"message": sprintf("%s gives %s a capability%s", [lib.base(p.exe), e.path, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": capability_severity(proofs),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, "setxattr of security.capability")],
} if {
	some e in input.events.setxattr
	e.name == "security.capability"
	p := lib.process(e)
	not lib.packaged(p.id)
	proofs := proof(e.path)
}

# The set-group-ID bit of a folder only passes its group on.
sets_identity(e) if bits.and(object.get(e, "mode", 0), 2048) != 0

sets_identity(e) if {
	bits.and(object.get(e, "mode", 0), 1032) == 1032 # S_ISGID and executable for the group
	lib.files[e.path].type in {"elf", "script"}
}

severity(proofs) := "critical" if count(proofs) > 0

else := "high"

# An image's entrypoint that gives its own program a right, such as to lock memory.
capability_severity(proofs) := "critical" if count(proofs) > 0

else := "low"

proof(path) := ({"it is a shell" | lib.base(path) in lib.interpreters} | {"it is a copy of a shell" | lib.files[path].sha256 in shell_files}) | {"it came at run time" | lib.files[path].type == "elf"; not path in lib.modified; lib.files[path].provenance != "pkgmgr"}

# shell_files is the programs that ran as shells.
shell_files := {p.sha256 |
	some id in lib.shell_ids
	p := input.processes[id]
	p.sha256 != ""
	not lib.base(p.exe) in {"busybox", "toybox"}
}

octal(mode) := sprintf("%04o", [bits.and(mode, 4095)])
