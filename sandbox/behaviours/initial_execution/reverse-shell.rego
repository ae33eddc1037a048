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
		lib.connect_evidence(opened, "opens the connection"),
		object.union(lib.process_evidence(p, "starts with its input and output on that connection"), {"dst": remote}),
	],
} if {
	some p in input.processes
	not lib.ours(p)
	lib.is_interpreter(p)
	p.stdio[0].kind == "socket"
	p.stdio[1].kind == "socket"
	peer := p.stdio[0].remote
	same(peer, p.stdio[1].remote)
	lib.outside(peer)
	remote := lib.address(peer.ip, peer.port)
	opened := opener(p, remote)
	not accepted(peer)
}

same(a, b) if {
	a.ip == b.ip
	a.port == b.port
}

# opener is the connect, somewhere in p's lineage, that made the connection.
opener(p, remote) := lib.earliest({e |
	some e in lib.connects_to[remote]
	lib.lineage(e.process) == p.lineage_id
})

# accepted: somebody connected to us. Servers like inetd hand such connections to programs.
accepted(peer) if {
	some e in input.events.accept
	same(e.remote, peer)
}
