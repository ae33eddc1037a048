# METADATA
# title: Processes hidden from lists
# description: >-
#   A program covered the folder of a process in /proc, or mounted /proc so that
#   it shows less. Tools that list processes then leave some out.
# custom:
#   severity: critical
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1564, name: Hide Artifacts, tactic: Defense Evasion}
#     - {id: T1014, name: Rootkit, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image. Nothing that a container is for needs this.
package sallyport.behaviours.weaponization["process-hide"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s covers %s", [lib.base(p.exe), e.path]),
	"malicious": true,
	"confidence": 96,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("mount of %s on %s", [object.get(e, "target", "?"), e.path]))],
} if {
	some e in input.events.mount
	regex.match(`^/proc/[0-9]+/?$`, e.path)
	p := lib.process(e)
}

finding contains {
	"message": sprintf("%s mounts %s so that it shows only own processes", [lib.base(p.exe), e.path]),
	"malicious": true,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("mount of proc on %s with %s", [e.path, e.data]))],
} if {
	some e in input.events.mount
	e.path == "/proc"
	regex.match(`hidepid=([1-9]|invisible|noaccess|ptraceable)`, e.data)
	p := lib.process(e)
}

# A library that is put into every program, or into this one, and lists folders
# in its own way.
finding contains {
	"message": sprintf("%s lists folders in its own way, and is preloaded", [path]),
	"malicious": true,
	"confidence": 93,
	"lineage": lib.lineage(file.writer),
	"evidence": [{
		"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": path, "sha256": file.sha256,
		"detail": sprintf("defines %s", [concat(", ", sort(listing))]),
	}],
} if {
	some path, file in lib.files
	file.type == "elf"
	listing := {name | some name in input.contents[file.sha256].elf.exports} & {"readdir", "readdir64", "readdir_r", "getdents", "getdents64", "scandir"}
	count(listing) > 0
	preloaded(path)
}

preloaded(path) if contains(lib.text("/etc/ld.so.preload"), path)

preloaded(path) if {
	some p in lib.loaded
	some v in p.env
	startswith(v, "LD_PRELOAD=")
	contains(v, path)
}

finding contains {
	"message": sprintf("%s mounts /proc so that it shows only own processes", [lib.base(p.exe)]),
	"malicious": true,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"mount"})
	"/proc" in p.argv
	some argument in p.argv
	regex.match(`hidepid=([1-9]|invisible|noaccess|ptraceable)`, argument)
}
