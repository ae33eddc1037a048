# METADATA
# title: Server runs a command that a visitor sent
# description: >-
#   We sent a word with a request to a port of the container, as the parameter
#   of a command. A program was then started with that word in its arguments.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1505.003, name: Web Shell, tactic: Persistence}
#   remediation: >-
#     Do not run this image. Find the page or handler that passes parameters on
#     to a shell.
package sallyport.behaviours.initial_execution["webshell-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("a server starts %s with what a visitor sent%s", [lib.base(p.exe), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [
		lib.flow_evidence(flow, request(flow["in"], word), "we ask"),
		lib.process_evidence(p, concat("; ", array.concat([sprintf("holds the word %s", [word])], sort(proofs)))),
	],
} if {
	some p in lib.loaded
	some word in told
	contains(lib.command_line(p), word)
	first := min([asked.first_ms | some asked in words[word]; asked.first_ms <= p.start_ms])
	flow := [asked | some asked in words[word]; asked.first_ms == first][0]
	proofs := {"as its command" |
		some id in ({p.id} | {p.parent})
		obeys(input.processes[id], word)
	}
}

# The order was to work something out, which only a shell does, and the answer
# is that alone.
finding contains {
	"message": sprintf("%s does what a visitor's request to port %d tells it, as a shell does", [lib.program(flow.process), flow.dst_port]),
	"malicious": true,
	"confidence": 96,
	"lineage": lib.lineage(flow.process),
	"evidence": [
		lib.flow_evidence(flow, request(flow["in"], word), "we ask"),
		lib.flow_evidence(flow, around(flow.out, word), "it answers"),
	],
} if {
	some flow in probes
	contains(flow.out, "1337")
	word := [found[1] |
		some found in regex.find_all_string_submatch_n(`(?:^|\\x0a|>|")([A-Z0-9]{16,}?)1337(?:\\x0d)?(?:\\x0a|\\x5cn|<|$)`, flow.out, 8)
		regex.match(sprintf(`%s(?:\$\(\(191\*7|%%24%%28%%28191%%2A7)`, [found[1]]), flow["in"])
	][0]
}

probes := [flow |
	some flow in input.network.flows
	flow.probe
	flow.inbound
]

# words is what only we can have said, and where we did: long values of parameters.
words := {word: [flow | some flow in probes; contains(flow["in"], word)] |
	some probe in probes
	some word in regex.find_n(`[A-Z0-9]{16,}`, probe["in"], -1)
}

# told is those of them that some program was told.
told := {word | some word, _ in words; contains(lib.said, word)}

# request is the part of what we said in which a word is, with its request line.
request(text, word) := concat(" … ", array.concat(
	array.slice(lines, count(lines) - 1, count(lines)),
	[around(text, word)],
)) if {
	lines := regex.find_n(`(?:GET|HEAD|POST) /[^ ?]*`, substring(text, 0, indexof(text, word)), -1)
}

# around is the part of a text in which a word is.
around(text, word) := substring(text, max([0, indexof(text, word) - 40]), 200)

# obeys: the shell was given the parameter itself, not a command in which it
# stands as a value.
obeys(shell, word) if {
	shell.id in lib.shell_ids
	some i, option in shell.argv
	regex.match(`^-[a-zA-Z]*c$`, option)
	command := shell.argv[i + 1]
	order := sprintf(`echo\s+%s(?:\$\(\(191\*7\)\))?`, [word])
	regex.match(sprintf(`^\s*%s\s*(?:$|[\n;&|]|[12]?>)|^%s$|[;&|(]\s*%s`, [order, word, order]), command)
}

# Nor does anybody else start a program that repeats what it is told.
obeys(p, word) if {
	lib.base(p.exe) in {"echo", "busybox", "coreutils"}
	count(p.argv) == 2
	lib.base(p.argv[0]) == "echo"
	regex.match(sprintf(`^%s(?:\$\(\(191\*7\)\)|1337)?$`, [word]), p.argv[1])
}
