# METADATA
# title: Account with full rights added
# description: >-
#   A program changed who may log in or become root. Images add the user that
#   they run as; a second user with number 0, or one with a ready password and
#   every right, is for somebody else.
# custom:
#   severity: medium
#   group: persist
#   attack_version: "18"
#   attack:
#     - {id: T1136.001, name: Local Account, tactic: Persistence}
#     - {id: T1548.003, name: Sudo and Sudo Caching, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image. Users that it needs belong into it at build time,
#     without a password.
package sallyport.behaviours.weaponization["account-backdoor"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s %s %s%s", [lib.base(p.exe), t.how, t.path, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.touched_evidence(t)], lib.first(4, shown)),
} if {
	some t in lib.touched
	regex.match(`^(/host[^/]*|/mnt(/[^/]+)?|/rootfs)?/etc/(passwd|shadow|sudoers|sudoers\.d/[^/]+|doas\.conf)$`, t.path)
	p := lib.process(t.event)
	not lib.packaged(p.id)
	not renumbers(p, t)
}

# renumbers: accounts that were there get other numbers, as images do for whoever
# runs them (PUID, PGID). A new password would replace /etc/shadow.
renumbers(p, t) if {
	not p.drift
	some name in p.names
	name in {"usermod", "groupmod"}
	[t.path, t.kind] in {["/etc/passwd", "write"], ["/etc/passwd", "rename"], ["/etc/shadow", "write"]}
}

# A tool was told to make a second root.
finding contains {
	"message": sprintf("%s makes a second user with number 0", [lib.base(p.exe)]),
	"malicious": true,
	"severity": "critical",
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"useradd", "adduser", "usermod"})
	regex.match(`\s(-[a-zA-Z]*u|--uid)[ =]?0(\s|$)`, concat(" ", p.argv))
	p.argv[count(p.argv) - 1] != "root"
}

severity(proofs) := "critical" if count(proofs) > 0

else := "medium"

proofs := {sprintf("%s is a second root", [name]) | some name in roots} | {sprintf("%s has a password and every right", [name]) | some name in able}

# roots is users beside root with number 0, in a file that was changed here.
roots := {fields[0] |
	some line in lib.lines(lib.text("/etc/passwd"))
	fields := split(line, ":")
	fields[2] == "0"
	not fields[0] in {"root", "toor"}
}

# able is users whom no variable names, with a password of their own and every right.
able := {name |
	some name in with_password
	some line in rights
	startswith(line, sprintf("%s ", [name]))
	regex.match(`ALL\s*=\s*\(?.*ALL`, line)
	not named(name)
}

with_password := {fields[0] |
	some path in ["/etc/shadow", "/etc/passwd"]
	some line in lib.lines(lib.text(path))
	fields := split(line, ":")
	startswith(fields[1], "$")
	fields[0] != "root"
}

rights := {replace(line, "\t", " ") |
	some path, file in lib.files
	regex.match(`^/etc/sudoers(\.d/.+)?$`, path)
	some line in lib.lines(file.head)
}

named(name) if {
	some v in input.image.env
	endswith(v, sprintf("=%s", [name]))
}

# shown is the files that prove it, as they were left.
shown := {{"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": path, "sha256": file.sha256, "data": line, "detail": "left in the file system"} |
	some path in ["/etc/passwd", "/etc/shadow"]
	file := lib.files[path]
	some line in lib.lines(file.head)
	some name in (roots | able)
	startswith(line, sprintf("%s:", [name]))
} | {{"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": path, "sha256": file.sha256, "data": line, "detail": "left in the file system"} |
	some path, file in lib.files
	regex.match(`^/etc/sudoers(\.d/.+)?$`, path)
	some line in lib.lines(file.head)
	some name in (roots | able)
	startswith(replace(line, "\t", " "), sprintf("%s ", [name]))
}
