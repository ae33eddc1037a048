# METADATA
# title: Loader told to run a new program
# description: >-
#   The dynamic loader was started as a program and given a file that the image
#   did not contain. That runs it although it is not executable, and under the
#   loader's name.
# custom:
#   severity: high
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1574, name: Hijack Execution Flow, tactic: Persistence}
#   remediation: >-
#     Mount what can be written with noexec, and find out who wrote the file.
package sallyport.behaviours.initial_execution["ldso-proxy-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs %s", [lib.base(p.exe), path]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, "loads it in the place of a program"), {"path": path})],
} if {
	some name, ids in lib.programs
	regex.match(`^ld(-linux|-musl|64|-2\.)?[a-z0-9_.-]*\.so(\.[0-9]+)?$|^ld\.so$`, name)
	some id, _ in ids
	p := input.processes[id]
	path := lib.absolute(p, target(p))
	written(path)
	not lib.packaged(p.id)
}

# target is the first argument that belongs to no option.
target(p) := p.argv[min(candidates)] if {
	candidates := {i |
		some i, argument in p.argv
		i > 0
		not startswith(argument, "-")
		not p.argv[i - 1] in {"--library-path", "--preload", "--audit", "--argv0", "--inhibit-rpath", "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"}
	}
	count(candidates) > 0
	not "--list" in p.argv
	not "--verify" in p.argv
}

written(path) if contains(lib.written, sprintf("\n%s\n", [path]))

written(path) if lib.files[path].type
