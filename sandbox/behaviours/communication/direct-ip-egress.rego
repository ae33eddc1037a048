# METADATA
# title: Address contacted without a name
# description: >-
#   A program talked to a public address that no DNS answer had given. Programs
#   with a fixed address of their master do that; so do some honest ones.
# custom:
#   severity: low
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1071, name: Application Layer Protocol, tactic: Command and Control}
#   remediation: >-
#     Find out whose address it is, and allow only that one in the network
#     policy.
package sallyport.behaviours.communication["direct-ip-egress"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s contacts %s", [lib.program(id), places]),
	"severity": severity(id),
	"confidence": 80,
	"lineage": lib.lineage(id),
	"evidence": array.slice([lib.flow_evidence(f, "", "no name was asked for this address") | some f in flows], 0, 5),
} if {
	some id, set in direct
	flows := [f | some [_, _, f] in sort([[f.first_ms, f.id, f] | some f in set])]
	not peers(flows)
	places := concat(", ", array.slice(sort({lib.address(f.dst_ip, f.dst_port) | some f in flows}), 0, 3))
}

# direct holds the flows of each process that need an explanation. Resolvers
# and time servers are known by address everywhere.
direct[flow.process] contains flow if {
	some flow in lib.outgoing
	flow.direct
	flow.scope == "public"
	flow.proto in {"tcp", "udp"}
	not flow.dst_port in {53, 123, 853}
	not flow.app in {"dns", "ntp"}
}

# peers: a peer-to-peer program goes to many addresses that others told it.
peers(flows) if {
	count({f.dst_ip | some f in flows}) >= 10
	some sample in [array.slice(flows, count(flows) - 5, count(flows))]
	heard := concat(" ", [f["in"] | some f in array.slice(flows, 0, 500); f["in"]])
	every f in sample {
		f.dst_port >= 1024
		contains(heard, f.dst_ip)
	}
}

# A program that did not come with the image has less of an excuse.
severity(id) := "medium" if input.processes[id].drift

else := "low"
