# METADATA
# title: Shell joined to an outbound connection
# description: >-
#   A shell's input and output go to a program that holds a connection which the
#   container opened to the outside. Whoever is at the other end types the
#   commands.
# custom:
#   severity: critical
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Do not run this image. Find the layer that brings these commands, and
#     rebuild without it.
package sallyport.behaviours.initial_execution["reverse-shell-relay"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads commands from %s by way of %s", [p.exe, lib.address(ip, to_number(port)), lib.base(relay.exe)]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [
		lib.contact_evidence(c, ip, to_number(port), "opens the connection"),
		lib.process_evidence(relay, sprintf("joins it to the shell by %s", [way])),
		lib.process_evidence(p, "has its input and output there"),
	],
} if {
	count(lib.dialers) > 0
	some [p, relay, way] in lib.relayed
	some port, contacts in input.network.contacts[relay.lineage_id]
	some ip, c in contacts
	c.process == relay.id
}

# Whatever stands between: somebody called, the other end said the name of a
# program, that was started, and what it printed went there.
finding contains {
	"message": sprintf("%s does what %s tells it", [lib.program(flow.process), lib.address(flow.dst_ip, flow.dst_port)]),
	"malicious": true,
	"confidence": 94,
	"lineage": lib.lineage(flow.process),
	"evidence": [
		lib.flow_evidence(flow, substring(flow.out, 0, 200), "is told \"id\", and answers what that prints"),
		lib.process_evidence(p, "was started for it"),
	],
} if {
	count(lib.dialers) > 0
	some [p, flow] in obeyed
	not served(p)
}

obeyed contains [p, flow] if {
	some flow in lib.outgoing
	some m in flow.messages
	m.type == "order"
	not m.out
	m.fields.text == "id"
	regex.match(`uid=[0-9]+\S* gid=[0-9]+`, flow.out)
	some p in lib.run({"id"})
	p.start_ms >= m.ms
	p.start_ms <= m.ms + 10000
	p.lineage_id == lib.lineage(flow.process)
}

# served: the connection is the shell's own input and output, which reverse-shell tells.
served(p) if {
	some id in p.lineage
	id in lib.interpreter_ids
	shell := input.processes[id]
	shell.stdio[0].kind == "socket"
	shell.stdio[1].kind == "socket"
}
