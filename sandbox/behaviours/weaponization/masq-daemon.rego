# METADATA
# title: Program poses as a well-known service
# description: >-
#   A program was started under the name of a service that it is not.
# custom:
#   severity: high
#   group: masquerade
#   attack_version: "18"
#   attack:
#     - {id: T1036.005, name: Match Legitimate Resource Name or Location, tactic: Defense Evasion}
#   remediation: >-
#     Find out what the program really is before you run this image again.
package sallyport.behaviours.weaponization["masq-daemon"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is started as %s%s", [p.exe, name, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 88,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, sprintf("%s started as %q", [p.exe, p.argv[0]]))],
} if {
	some p in lib.run(object.keys(data.lists.daemons.names))
	name := lib.base(p.argv[0])
	data.lists.daemons.names[name]
	lib.base(p.exe) != name
	not lib.packaged(p.id)
	p.provenance != "pkgmgr"
	not toolbox(p)
	poses(p, name)
	proofs := {"it did not come with the image" | p.drift; not same_program(p, name)}
}

severity(proofs) := "critical" if count(proofs) > 0

else := "high"

# A program of the image is often known by several names; an interpreter, a
# tool or a program in an odd place is not known by that of a service.
poses(p, name) if {
	p.drift
	not same_program(p, name)
}

poses(p, _) if p.id in lib.interpreter_ids

poses(p, _) if lib.base(p.exe) in lib.names_in(data.lists.downloaders)

poses(p, _) if regex.match(`^(/tmp|/var/tmp|/dev/shm|/run/user)/|/\.[^/]+/`, p.exe)

# toolbox: programs that are told by their name what to be.
toolbox(p) if lib.base(p.exe) in {"busybox", "toybox", "coreutils", "s6-overlay-suexec", "systemd"}

# sshd-session of sshd, php-fpm8.2 of php-fpm.
same_program(p, name) if startswith(lib.base(p.exe), name)

same_program(p, name) if startswith(name, lib.base(p.exe))
