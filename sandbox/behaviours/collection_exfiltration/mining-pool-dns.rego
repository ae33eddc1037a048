# METADATA
# title: Mining pool looked up
# description: >-
#   The name of a mining pool was asked for. A program that did not come with
#   the image, or that hides, and then connects there, mines.
# custom:
#   severity: high
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.001, name: Compute Hijacking, tactic: Impact}
#   remediation: >-
#     Do not run this image unless mining is its declared purpose; block the
#     pool in the network policy.
package sallyport.behaviours.collection_exfiltration["mining-pool-dns"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s looks up %s%s", [lib.program(n.process), n.name, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 85,
	"lineage": n.lineage,
	"severity": severity(n),
	"evidence": array.concat([lib.name_evidence(n, "a mining pool")], [lib.flow_evidence(flow, "", "connects there") | some flow in connections(n)]),
} if {
	some n in lib.names_under(lib.names_in(data.lists.mining_pools))
	not lib.goes_by(n.process, resolvers)
	reasons := proof(n)
}

# resolvers ask for others.
resolvers := {"unbound", "dnsmasq", "named", "coredns", "pihole-FTL", "AdGuardHome", "blocky", "pdns_recursor", "kresd", "stubby", "dnscrypt-proxy", "systemd-resolved"}

# A pool's web site and its interface for statistics are for people and their
# dashboards.
severity(n) := "medium" if {
	site(n)
	count(proof(n)) == 0
} else := "high"

site(n) if {
	flows := connections(n)
	count(flows) > 0
	every flow in flows {
		flow.app in {"http", "tls"}
	}
}

connections(n) := [flow |
	some i in n.flows
	flow := input.network.flows[i]
	not flow.refused
]

proof(n) := {reason |
	some flow in connections(n)
	not flow.app in {"http"}
	some reason in suspect(flow.process)
}

suspect(process) := ({"a program that did not come with the image connects there" | lib.drifted(process)} | {"a program that poses as a thread of the kernel connects there" | lib.masquerades(input.processes[process])}) | {"a program in a hidden or temporary folder connects there" | regex.match(`^/(tmp|var/tmp|dev/shm|dev/mqueue)/|/\.[^/]+/[^/]+$|/\.\.\.`, input.processes[process].exe)}
