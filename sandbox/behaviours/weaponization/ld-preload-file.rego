# METADATA
# title: System-wide preload list changed
# description: >-
#   The file /etc/ld.so.preload was created or changed. The dynamic loader puts
#   every library that it names into every program, which is how user-space
#   rootkits hide processes and files.
# custom:
#   severity: critical
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1574.006, name: Dynamic Linker Hijacking, tactic: Persistence}
#   remediation: >-
#     Do not run this image. Programs that need a library preloaded for
#     themselves name it in LD_PRELOAD of their own environment.
package sallyport.behaviours.weaponization["ld-preload-file"]

import data.sallyport.lib

target := "/etc/ld.so.preload"

finding contains {
	"message": sprintf("%s %s %s", [lib.base(p.exe), touch.how, target]),
	"malicious": true,
	"confidence": 97,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.file_evidence(object.union(touch.event, {"path": target}), touch.how)], left),
} if {
	some touch in touches
	p := input.processes[touch.event.process]
	not p.probe
}

# The file was changed in a way that no event tells of.
finding contains {
	"message": sprintf("%s differs from the image", [target]),
	"malicious": true,
	"confidence": 90,
	"lineage": "",
	"evidence": left,
} if {
	count(touches) == 0
	count(left) > 0
}

# touches holds the attempts to put content there. Whether they succeeded does
# not matter. Every dynamically linked program opens the file for reading.
touches contains {"event": e, "how": "opens for writing"} if {
	some e in input.events.write
	e.path == target
}

touches contains {"event": e, "how": "moves a file to"} if {
	some e in input.events.rename
	e.target == target
}

touches contains {"event": e, "how": "links a file to"} if {
	some kind in ["link", "symlink"]
	some e in input.events[kind]
	e.path == target
}

# left is what stood there when the run was over.
left := [evidence |
	some list in [input.files.created, input.files.modified]
	some file in list
	file.path == target
	evidence := {
		"type": "file",
		"event": file.event,
		"ms": 0,
		"process": file.writer,
		"path": target,
		"sha256": file.sha256,
		"data": file.head,
		"detail": "left in the file system",
	}
]
