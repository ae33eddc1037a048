# METADATA
# title: Program compiled at run time
# description: >-
#   A compiler made a program, library or kernel module while the container ran.
#   What it made was never scanned.
# custom:
#   severity: medium
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1027.004, name: Compile After Delivery, tactic: Defense Evasion}
#   remediation: >-
#     Compile when the image is built, and leave the compiler out of the image
#     that runs.
package sallyport.behaviours.initial_execution["compile-on-target"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s makes a program%s", [lib.base(p.exe), lib.because(proofs)]),
	"severity": severity(p),
	"malicious": count(proofs) > 0,
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": array.concat(
		[lib.process_evidence(p, concat("; ", array.concat(["compiles"], sort(proofs))))],
		lib.first(3, outputs(p)),
	),
} if {
	some id in lib.compilers
	p := input.processes[id]
	not p.parent in lib.compilers
	asked(p)
	proofs := proof(p)
}

# asked: it has something to do.
asked(p) if {
	count(p.argv) > 1
	not regex.match(`^\S+ (-v|-V|-h|--version|--help|-dumpmachine|-dumpversion|version|env|help|list|mod|fmt|vet)( |$)`, lib.command_line(p))
}

# proof is what no program is compiled for.
proof(p) := union({
	{sprintf("the kernel module %s", [path]) | some path in targets(p); endswith(path, ".ko")},
	{sprintf("at the hidden path %s", [path]) | some path in targets(p); lib.offside(path)},
	{sprintf("%s, which is preloaded into every program", [path]) | some path in targets(p); contains(preloaded, path)},
})

# targets is what it was told to make, and what it, or what it started, left behind.
targets(p) := {lib.absolute(p, p.argv[i + 1]) |
	some i, argument in p.argv
	argument == "-o"
} | {file.path | some file in made(p)}

made(p) := [file |
	some file in input.files.created
	file.type == "elf"
	lib.comes_from(input.processes[file.writer], {p.id})
]

outputs(p) := {{"type": "file", "event": file.event, "ms": p.start_ms, "process": file.writer, "path": file.path, "sha256": file.sha256, "detail": "is made by it"} |
	some file in made(p)
}

# preloaded is what the loader was told to put into programs, by file or environment.
preloaded := concat(" ", array.concat(
	[lib.text("/etc/ld.so.preload")],
	[variable |
		contains(environments, "LD_PRELOAD=")
		some p in lib.loaded
		some variable in p.env
		startswith(variable, "LD_PRELOAD=")
	],
))

environments := concat(" ", [variable | some p in lib.loaded; some variable in p.env; startswith(variable, "LD_")])

# Packages with parts in C are compiled when they are installed.
severity(p) := "info" if lib.packaged(p.id)

else := "medium"
