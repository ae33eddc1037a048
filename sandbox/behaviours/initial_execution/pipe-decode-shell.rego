# METADATA
# title: Decoded code piped into an interpreter
# description: >-
#   Encoded or compressed data was decoded straight into a shell or another
#   interpreter. The code that ran can be read nowhere in the image.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1140, name: Deobfuscate/Decode Files or Information, tactic: Defense Evasion}
#     - {id: T1027, name: Obfuscated Files or Information, tactic: Defense Evasion}
#   remediation: >-
#     Decode what the image carries and read it. Code has no reason to be
#     encoded; data is decoded into files.
package sallyport.behaviours.initial_execution["pipe-decode-shell"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs what %s decodes%s", [lib.base(shell.exe), names, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 90,
	"lineage": shell.lineage_id,
	"evidence": array.concat(
		array.concat(
			[lib.process_evidence(d, "decodes") | some d in array.slice(decoders, 0, 4)],
			[lib.process_evidence(shell, concat("; ", array.concat(["runs what was decoded"], sort(proofs))))],
		),
		lib.first(3, consequences(shell)),
	),
} if {
	some [shell, decoders] in fed
	names := concat(", ", sort({lib.base(d.argv[0]) | some d in decoders}))
	proofs := proof(shell, decoders)
}

# fed holds each interpreter that reads code from decoders.
fed contains [shell, decoders] if {
	count(decoder_ids) > 0
	some id in lib.interpreter_ids
	shell := input.processes[id]
	count(shell.pipe_from) > 0
	lib.reads_code(shell)
	decoders := [d | some d in lib.upstream(shell.pipe_from); d.id in decoder_ids]
	count(decoders) > 0
}

decoder_ids := {p.id | some p in lib.loaded; p.decodes}

proof(shell, decoders) := union({
	{"more than once" | count(decoders) > 1},
	{"which decodes and runs more" | some p in nested(shell); p.id != shell.id},
	{sprintf("which starts %s", [name]) | some [_, name] in started(shell)},
	{"which calls somebody" | some id in lib.descendants(shell.id); id in lib.dialers},
})

# nested is the interpreters below shell that are fed by decoders in turn.
nested(shell) := [p |
	some p in lib.below(shell)
	some [other, _] in fed
	other.id == p.id
]

# started is the programs below shell that fetch, or that make something permanent.
started(shell) := {[p, name] |
	some id in lib.descendants(shell.id)
	p := input.processes[id]
	not p.forked
	some name in p.names
	name in (lib.names_in(data.lists.downloaders) | {"crontab", "at", "useradd", "chattr", "systemctl"})
}

consequences(shell) := {lib.process_evidence(p, "is started by the decoded code") | some [p, _] in started(shell)}
