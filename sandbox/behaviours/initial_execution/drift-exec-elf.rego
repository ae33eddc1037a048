# METADATA
# title: New program executed
# description: >-
#   A program ran that the image did not contain: it was fetched, decoded or
#   made after the start. What came with a package, from a compiler, or is a
#   copy of the image's own program weighs less.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1105, name: Ingress Tool Transfer, tactic: Command and Control}
#     - {id: T1204.003, name: Malicious Image, tactic: Execution}
#   remediation: >-
#     Put every program into the image when it is built, and run it with a
#     read-only root file system.
package sallyport.behaviours.initial_execution["drift-exec-elf"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s was not in the image: %s%s", [p.exe, origin[p.provenance], lib.because(proofs)]),
	"severity": severity(p),
	"malicious": count(proofs) > 0,
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": array.concat(
		[lib.process_evidence(p, concat("; ", array.concat([sprintf("is executed, %s", [origin[p.provenance]])], sort(proofs))))],
		lib.first(2, written(p)),
	),
} if {
	some p in lib.drifting
	not p.memfd # which memfd-exec tells
	lib.elf(p)
	proofs := proof(p)
}

origin := {
	"image": "a copy of one of its programs", "pkgmgr": "from a package", "config": "written by a program of the image",
	"network": "fetched from the network", "decoded": "decoded", "unknown": "of unknown origin",
}

# proof is why a new program can have no good reason: it came from outside, and hides.
proof(p) := lib.hidden_how(p) if p.provenance in {"network", "decoded"}

else := set()

severity(p) := [s | some [s, true] in [
	["low", p.provenance == "pkgmgr"],
	["low", unpacked(p.exe)],
	["medium", p.provenance == "image"],
	["medium", compiled(p)],
	["high", true],
]][0]

# unpacked: programs that carry others unpack them there (PyInstaller, AppImage, s6-overlay).
default unpacked(_) := false

unpacked(path) if regex.match(`^(/tmp/_MEI[^/]+/|/tmp/\.mount_[^/]+/|/run/s6/|/var/run/s6/)`, path)

# compiled: a compiler made it, as go run does.
default compiled(_) := false

compiled(p) if {
	count(lib.compilers) > 0
	lib.comes_from(p, lib.compilers)
}

compiled(p) if {
	count(lib.compilers) > 0
	some id in lib.writers(p.exe)
	lib.comes_from(input.processes[id], lib.compilers)
}

# What a compiler made was then put where it belongs, as make install does.
compiled(p) if {
	count(lib.compilers) > 0
	p.sha256 != ""
	some list in [input.files.created, input.files.modified]
	some made in list
	made.sha256 == p.sha256
	lib.comes_from(input.processes[made.writer], lib.compilers)
}

written(p) := {lib.file_evidence(e, "writes the program") |
	some _, e in lib.drift_writes[p.exe]
	e.seq < p.event
}
