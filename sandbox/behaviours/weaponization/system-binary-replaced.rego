# METADATA
# title: Tool or library of the system replaced
# description: >-
#   A program wrote over a program that one uses to look at a system or to log
#   in, or over a library that every program loads. No package manager did it.
# custom:
#   severity: critical
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1554, name: Compromise Host Software Binary, tactic: Persistence}
#     - {id: T1574, name: Hijack Execution Flow, tactic: Persistence}
#   remediation: >-
#     Do not run this image. Updates of the system belong into a new image.
package sallyport.behaviours.weaponization["system-binary-replaced"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s %s %s", [lib.base(p.exe), t.how, t.path]),
	"malicious": true,
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.touched_evidence(t)], left(t.path)),
} if {
	some t in lib.touched
	t.kind in {"write", "rename", "link"}
	strings.any_prefix_match(t.path, ["/bin/", "/sbin/", "/usr/", "/lib"])
	core(t.path)
	of_image(t)
	p := lib.process(t.event)
	not lib.packaged(p.id)
}

core(path) if {
	regex.match(`^(/usr(/local)?)?/s?bin/[^/]+$`, path)
	data.lists.core_files.programs[lib.base(path)]
}

core(path) if {
	regex.match(`^(/usr)?/lib(32|64|x32|exec)?(/[^/]+)?(/security|/openssh)?/[^/]+$`, path)
	regex.match(data.lists.core_files.libraries, lib.base(path))
}

# of_image: the image had the file. A new one replaces nothing.
of_image(t) if t.path in lib.modified

of_image(t) if t.path in started

of_image(t) if object.get(t.event, "errno", 0) in {1, 13, 26, 30} # EPERM, EACCES, ETXTBSY, EROFS

started := {p.exe |
	some p in lib.loaded
	not p.drift
}

left(path) := [{"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": path, "sha256": file.sha256, "detail": sprintf("left as %s", [file.type])} |
	file := lib.files[path]
]
