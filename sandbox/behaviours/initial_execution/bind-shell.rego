# METADATA
# title: Shell on an accepted connection
# description: >-
#   Whoever connects to a port of the container gets a shell: one was started
#   with its input and output on a connection that came from outside.
# custom:
#   severity: critical
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#     - {id: T1571, name: Non-Standard Port, tactic: Command and Control}
#   remediation: >-
#     Do not run this image. Find the layer that brings the program which
#     listens, and rebuild without it.
package sallyport.behaviours.initial_execution["bind-shell"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads commands from whoever connects%s", [p.exe, port(e)]),
	"malicious": true,
	"confidence": 98,
	"lineage": p.lineage_id,
	"evidence": [
		lib.call_evidence(e, sprintf("accepts the connection%s", [port(e)])),
		object.union(lib.process_evidence(p, "starts with its input and output on that connection"), {"dst": lib.address(peer.ip, peer.port)}),
	],
} if {
	count(input.events.accept) > 0
	some id in lib.interpreter_ids
	p := input.processes[id]
	p.stdio[0].kind == "socket"
	p.stdio[1].kind == "socket"
	peer := p.stdio[0].remote
	peer.scope != "loopback"
	lib.reads_code(p)
	some e in input.events.accept
	e.remote.ip == peer.ip
	e.remote.port == peer.port
}

# The same through a pipe with a name, or a terminal.
finding contains {
	"message": sprintf("%s reads commands from whoever connects to %s", [p.exe, lib.program(relay.id)]),
	"malicious": true,
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [
		lib.call_evidence(e, sprintf("accepts the connection%s", [port(e)])),
		lib.process_evidence(relay, "holds the connection"),
		lib.process_evidence(p, "has its input and output at that program"),
	],
} if {
	count(input.events.accept) > 0
	some [p, relay, _] in lib.relayed
	some e in input.events.accept
	e.process == relay.id
	object.get(e, ["remote", "scope"], "") != "loopback"
}

# We told whoever listens to work something out, in the language of shells, and
# were told the result.
finding contains {
	"message": sprintf("%s does what whoever connects to port %d tells it, as a shell does", [lib.program(flow.process), flow.dst_port]),
	"malicious": true,
	"confidence": 97,
	"lineage": lib.lineage(flow.process),
	"evidence": [
		lib.flow_evidence(flow, substring(flow["in"], 0, 300), "we say"),
		lib.flow_evidence(flow, substring(flow.out, 0, 300), "it answers"),
	],
} if {
	some flow in input.network.flows
	flow.inbound
	flow.probe
	contains(flow["in"], "echo $((7*191))")
	some order in regex.find_all_string_submatch_n(`echo \$\(\(7\*191\)\)([A-Z0-9]{16,})`, flow["in"], 1)
	contains(flow.out, concat("", ["1337", order[1]]))
}

port(e) := sprintf(" to port %d", [e.local.port]) if e.local.port

else := ""
