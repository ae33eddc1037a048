# METADATA
# title: Data wiped
# description: >-
#   Most of the files that the image keeps in a folder for data were removed, or
#   a disk was overwritten.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1485, name: Data Destruction, tactic: Impact}
#     - {id: T1561, name: Disk Wipe, tactic: Impact}
#   remediation: >-
#     Do not run this image. Give containers no volume to write to that they do
#     not need, and no device.
package sallyport.behaviours.collection_exfiltration["mass-wipe"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d of %d files below %s removed", [count(removed), all, folder]),
	"malicious": true,
	"confidence": 90,
	"lineage": lib.lineage(removed[0].process),
	"evidence": [lib.file_evidence(e, "removed") | some e in array.slice(removed, 0, 5)],
} if {
	some folder, all in input.image.data
	all >= 20
	removed := [e | some e in removals; startswith(e.path, sprintf("%s/", [folder]))]
	count(removed) * 10 > all * 6
	not moved(removed)
}

# removals is the files of the image that somebody but an installer removed.
removals := [e |
	some e in input.events.unlink
	not e.probe
	not e.errno
	bits.and(object.get(e, "flags", 0), 512) == 0
	input.processes[e.process].provenance != "pkgmgr"
	not e.path in own
]

own := {file | some e in input.events.write; file := e.path}

# moved: as many files with the same names are somewhere else now.
moved(removed) if {
	there := {lib.base(file.path) | some file in input.files.created}
	kept := [e | some e in removed; lib.base(e.path) in there]
	count(kept) * 2 >= count(removed)
}

finding contains {
	"message": sprintf("%s overwrites %s", [lib.program(e.process), e.path]),
	"malicious": true,
	"confidence": 92,
	"lineage": lib.lineage(e.process),
	"evidence": [lib.file_evidence(e, "opens a disk for writing")],
} if {
	contains(lib.written, "\n/dev/")
	some e in input.events.write
	not e.probe
	regex.match(`^/dev/(sd[a-z]|vd[a-z]|xvd[a-z]|hd[a-z]|nvme[0-9]+n[0-9]+|mmcblk[0-9]+|dm-[0-9]+|mapper/[^/]+)(p?[0-9]+)?$`, e.path)
}

# rm of everything, whether it is let or not.
finding contains {
	"message": sprintf("runs %s", [lib.command(p)]),
	"malicious": true,
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, "removes everything, or overwrites a disk")],
} if {
	some id in lib.going_by({"rm", "dd", "shred", "wipefs", "mkfs", "mkfs.ext4", "blkdiscard"})
	p := input.processes[id]
	everything(p)
}

everything(p) if {
	"rm" in p.names
	some word in p.argv
	word in {"/", "/*", "--no-preserve-root"}
	regex.match(`(^| )-([a-zA-Z]*[rR]|-recursive)`, lib.command_line(p))
}

everything(p) if {
	not "rm" in p.names
	regex.match(`(^|[ =])/dev/(sd[a-z]|vd[a-z]|xvd[a-z]|hd[a-z]|nvme[0-9]+n[0-9]+|mmcblk[0-9]+)(p?[0-9]+)?( |$)`, writes_to(p))
}

# writes_to is the arguments that name what is written.
writes_to(p) := concat(" ", [word | some word in p.argv; startswith(word, "of=")]) if "dd" in p.names

else := lib.command_line(p)
