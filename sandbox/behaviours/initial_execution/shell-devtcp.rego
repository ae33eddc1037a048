# METADATA
# title: Shell opens a connection by itself
# description: >-
#   A shell connected to another host by its own means (/dev/tcp), without any
#   program for it. That is how one talks to the network where no tool for it is
#   wanted.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Use a program for it, by which the connection can be allowed or denied.
#     For waiting until a port answers, a health check.
package sallyport.behaviours.initial_execution["shell-devtcp"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s opens a connection to %s%s", [lib.base(p.exe), lib.address(ip, port), lib.because(proofs)]),
	"severity": severity(sent, proofs),
	"malicious": count(proofs) > 0,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": array.concat(
		[lib.contact_evidence(c, ip, port, concat("; ", array.concat(["a shell opens the connection"], sort(proofs))))],
		lib.first(2, {lib.process_evidence(q, "runs what comes in") | some q in readers}),
	),
} if {
	some [c, p, ip, port] in opened
	flows := [flow | some flow in lib.flows_of(p); flow.dst_ip == ip; flow.dst_port == port]
	sent := sum([flow.bytes_out | some flow in flows])
	readers := fed(p, ip, port)
	proofs := {"and runs what comes in" | count(readers) > 0}
}

opened := [[c, p, ip, to_number(port)] |
	some _, ports in input.network.contacts
	some port, contacts in ports
	some ip, c in contacts
	p := input.processes[c.process]
	lib.shell(p)
]

# fed is the interpreters in the same lineage that read their code from the connection.
fed(p, ip, port) := [q |
	some id in lib.interpreter_ids
	q := input.processes[id]
	q.lineage_id == p.lineage_id
	q.id != p.id
	lib.reads_code(q)
	some source in array.concat([q], lib.upstream(q.pipe_from))
	source.stdio[0].kind == "socket"
	source.stdio[0].remote.ip == ip
	source.stdio[0].remote.port == port
]

# Scripts that wait for a service only look whether its port is open. A line end is no word.
severity(sent, proofs) := "info" if {
	sent <= 2
	count(proofs) == 0
} else := "high"
