# METADATA
# title: Packed program
# description: >-
#   A program is compressed or encrypted and unpacks itself in memory, so that
#   nothing can be read in its file.
# custom:
#   severity: medium
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1027.002, name: Software Packing, tactic: Defense Evasion}
#   remediation: >-
#     Ask who built it for the program as it was before packing.
package sallyport.behaviours.initial_execution["packed-elf"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is packed%s", [p.exe, how(content.elf.packer)]),
	"severity": severity(p, content.elf.packer),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, sprintf("runs; the entropy of its code is %.2f bits per byte", [content.elf.code_entropy])), {"path": p.exe, "sha256": p.sha256})],
} if {
	count(packed) > 0
	some p in lib.loaded
	content := packed[p.sha256]
}

# New programs that did not run.
finding contains {
	"message": sprintf("%s is packed%s", [file.path, how(content.elf.packer)]),
	"confidence": 80,
	"lineage": lib.lineage(file.writer),
	"evidence": [{
		"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": file.path, "sha256": file.sha256,
		"detail": sprintf("is left behind; the entropy of its code is %.2f bits per byte", [content.elf.code_entropy]),
	}],
} if {
	count(packed) > 0
	some file in input.files.created
	content := packed[file.sha256]
	not file.executed
}

packed := {sha: content |
	some sha, content in input.contents
	object.get(content, ["elf", "packer"], "") != ""
}

how("upx") := " by UPX"

how(packer) := " by UPX, of which the marks were taken out" if packer == "upx-modified"

# Tools are packed to make images small; nobody takes out the marks for that.
severity(p, packer) := "low" if {
	packer == "upx"
	not p.drift
} else := "medium"
