# METADATA
# title: Shell on an outbound connection
# description: >-
#   A shell or another interpreter was started with its input and output on a
#   connection that the container itself had opened to the outside. Whoever is
#   at the other end types the commands.
# custom:
#   severity: critical
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Do not run this image. Find the layer that brings the program which
#     opened the connection, and rebuild without it.
package sallyport.behaviours.initial_execution["reverse-shell"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads commands from %s", [p.exe, remote]),
	"malicious": true,
	"confidence": 98,
	"lineage": p.lineage_id,
	"evidence": [
		lib.contact_evidence(opened, peer.ip, peer.port, "opens the connection"),
		object.union(lib.process_evidence(p, "starts with its input and output on that connection"), {"dst": remote}),
	],
} if {
	some id in lib.interpreter_ids
	p := input.processes[id]
	p.stdio[0].kind == "socket"
	p.stdio[1].kind == "socket"
	peer := p.stdio[0].remote
	peer.ip == p.stdio[1].remote.ip
	peer.port == p.stdio[1].remote.port
	peer.scope in lib.outside

	# The container opened the connection itself, somewhere in this lineage.
	opened := input.network.contacts[p.lineage_id][sprintf("%d", [peer.port])][peer.ip]
	not accepted(peer.ip, peer.port)
	remote := lib.address(peer.ip, peer.port)
}

# accepted: somebody connected to us. Servers like inetd hand such connections to programs.
accepted(ip, port) if {
	some e in input.events.accept
	e.remote.ip == ip
	e.remote.port == port
}
