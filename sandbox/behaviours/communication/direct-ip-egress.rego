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
	"message": sprintf("%s contacts %s", [lib.base(p.exe), places(flows)]),
	"severity": severity(p.drift),
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": shown(flows),
} if {
	some p in input.processes
	flows := unexplained([input.network.flows[i] | some i in p.flows])
	count(flows) > 0
	not peers(flows)
}

# Nobody knows which process had these.
finding contains {
	"message": sprintf("a program contacts %s", [places(flows)]),
	"confidence": 60,
	"lineage": "",
	"evidence": shown(flows),
} if {
	flows := unexplained([flow | some flow in input.network.flows; flow.process == ""])
	count(flows) > 0
	not peers(flows)
}

# unexplained is those of the flows that need an explanation. Resolvers and time
# servers are known by address everywhere.
unexplained(flows) := [flow |
	some flow in flows
	flow.direct
	flow.scope == "public"
	not flow.inbound
	not flow.probe
	flow.proto in {"tcp", "udp"}
	not flow.dst_port in {53, 123, 853}
	not flow.app in {"dns", "ntp"}
]

shown(flows) := [lib.flow_evidence(flow, "", "no name was asked for this address") |
	some flow in array.slice(flows, 0, 5)
]

places(flows) := concat(", ", array.slice(sort({lib.address(f.dst_ip, f.dst_port) | some f in flows}), 0, 3))

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
severity(drift) := "medium" if drift

else := "low"
