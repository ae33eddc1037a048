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
		lib.flow_evidence(flow, substring(flow["in"], 0, 300), "we ask"),
		lib.process_evidence(p, concat("; ", array.concat([sprintf("holds the word %s", [word])], sort(proofs)))),
	],
} if {
	some [word, flow] in words
	contains(lib.said, word)
	some p in lib.loaded
	p.start_ms >= flow.first_ms
	contains(lib.command_line(p), word)
	proofs := {"as its command" |
		some id in ({p.id} | {p.parent})
		id in lib.shell_ids
		ordered(input.processes[id], word)
	}
}

# words is what only we can have said: long values of parameters.
words := {[word, flow] |
	some flow in input.network.flows
	flow.probe
	flow.inbound
	some word in regex.find_n(`[A-Z0-9]{16,}`, flow["in"], 8)
}

# ordered: the shell was given the parameter itself, not a command in which it
# stands as a value.
ordered(shell, word) if {
	some i, option in shell.argv
	regex.match(`^-[a-zA-Z]*c$`, option)
	command := shell.argv[i + 1]
	regex.match(sprintf(`^\s*echo\s+%s\s*$|^%s$|;\s*echo\s+%s|\|\s*echo\s+%s|\$\(echo\s+%s`, [word, word, word, word, word]), command)
}
