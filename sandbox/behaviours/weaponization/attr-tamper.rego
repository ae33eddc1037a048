# METADATA
# title: Attributes of a file set to protect or disguise it
# description: >-
#   A program made a file that it had written immutable, or gave it the times of
#   another file. The first keeps others from removing it, the second keeps it
#   from being noticed.
# custom:
#   severity: medium
#   group: disguise
#   attack_version: "18"
#   attack:
#     - {id: T1222.002, name: Linux and Mac File and Directory Permissions Modification, tactic: Defense Evasion}
#     - {id: T1070.006, name: Timestomp, tactic: Defense Evasion}
#   remediation: >-
#     Find out which file it is and where it came from.
package sallyport.behaviours.weaponization["attr-tamper"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s makes %s immutable", [lib.base(p.exe), e.path]),
	"severity": "medium",
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("%s with flags %d", [e.name, object.get(e, "flags", 0)]))],
} if {
	some e in input.events.ioctl
	e.name == "FS_IOC_SETFLAGS"
	bits.and(object.get(e, "flags", 0), 48) != 0 # FS_IMMUTABLE_FL, FS_APPEND_FL
	p := lib.process(e)
	not lib.packaged(p.id)
}

finding contains {
	"message": sprintf("%s makes files immutable", [lib.base(p.exe)]),
	"severity": "medium",
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"chattr"})
	some argument in p.argv
	regex.match(`^[+=][a-zA-Z]*[ia]`, argument)
	not lib.packaged(p.id)
}

# The times of another file, or a moment of its own choice, on what came at run time.
finding contains {
	"message": sprintf("%s sets back the times of %s", [lib.base(p.exe), path]),
	"severity": "medium",
	"confidence": 75,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"touch"})
	some argument in p.argv
	regex.match(`^(-[a-z]*[rtd]|--reference=.*|--date=.*)`, argument)
	path := p.argv[count(p.argv) - 1]
	lib.files[path].type in {"elf", "script"}
	not path in lib.modified
	not lib.packaged(p.id)
}

# The same by the system call: a time that lies a day before the run, on a
# program that this lineage wrote. Archives do so with what they unpack.
finding contains {
	"message": sprintf("%s sets back the times of %s", [lib.base(p.exe), e.path]),
	"severity": "medium",
	"confidence": 75,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, "the time of the last change is set")],
} if {
	some e in input.events.utimes
	some time in e.args
	time > 0
	time < started - 86400
	lib.files[e.path].type == "elf"
	not e.path in lib.modified
	p := lib.process(e)
	p.drift
	not lib.packaged(p.id)
}

started := time.parse_rfc3339_ns(input.run.started) / 1000000000
