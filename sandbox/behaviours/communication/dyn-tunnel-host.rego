# METADATA
# title: Dynamic name or tunnel contacted
# description: >-
#   A program talks to a host whose name anybody can have in a minute, or to a
#   service that tunnels into closed networks. Masters of bots live there
#   because nobody can tell who they are.
# custom:
#   severity: medium
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1568, name: Dynamic Resolution, tactic: Command and Control}
#     - {id: T1572, name: Protocol Tunneling, tactic: Command and Control}
#   remediation: >-
#     Find out whose host it is. Use names of your own, and allow only those in
#     the network policy.
package sallyport.behaviours.communication["dyn-tunnel-host"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s contacts %s%s", [lib.program(hit.n.process), hit.n.name, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"severity": severity(hit.n, reasons),
	"confidence": 80,
	"lineage": hit.n.lineage,
	"evidence": array.concat(
		[lib.name_evidence(hit.n, hit.kind)],
		[lib.flow_evidence(input.network.flows[i], "", "connects there") | some i in array.slice(hit.n.flows, 0, 2)],
	),
} if {
	some hit in hits
	reasons := proof(hit)
}

hits contains {"n": n, "kind": "a dynamic name"} if {
	some n in lib.names_under({d | some d in data.lists.tunnel_hosts.dynamic})
}

hits contains {"n": n, "kind": "a dynamic name"} if {
	some domain, list in input.network.domains
	parts := split(domain, ".")
	count(parts) == 2
	parts[0] in brands
	some n in list
}

hits contains {"n": n, "kind": "a tunnel"} if {
	some n in lib.names_under({d | some d in data.lists.tunnel_hosts.tunnels})
}

hits contains {"n": n, "kind": "a way into closed networks"} if {
	some n in lib.names_under({d | some d in data.lists.tunnel_hosts.covert})
}

brands := {l | some l in data.lists.tunnel_hosts.labels}

proof(hit) := {"the program did not come with the image" |
	connected(hit.n)
	lib.drifted(hit.n.process)
} | {"it shares a terminal with whoever knows the name" |
	hit.kind == "a way into closed networks"
	not client(hit.n.process)
}

# connected: a name that is only looked up is no contact yet.
connected(n) if count(n.flows) > 0

# client: the image contains the service's own client, and it goes by its name.
client(process) if {
	not lib.drifted(process)
	lib.goes_by(process, {c | some c in data.lists.tunnel_hosts.clients})
}

severity(n, reasons) := "high" if count(reasons) > 0

else := "low" if client(n.process)

else := "medium"
