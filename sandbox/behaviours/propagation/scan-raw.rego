# METADATA
# title: Fast scan with packets of its own making
# description: >-
#   More than a hundred machines a second were asked whether a port is open, by
#   packets that no ordinary connection begins with. Tools that search the whole
#   internet work so.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1046, name: Network Service Discovery, tactic: Discovery}
#   remediation: >-
#     Do not run this image. Drop the capability NET_RAW from containers.
package sallyport.behaviours.propagation["scan-raw"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d addresses asked without a connection", [count(addresses)]),
	"malicious": true,
	"confidence": 90,
	"lineage": lib.lineage(lib.raw_sockets[0].process),
	"evidence": array.concat(
		[lib.call_evidence(lib.raw_sockets[0], "opens a socket for packets of its own making")],
		[object.union(
			lib.flow_evidence(flow, "", "one of many, which no program connected to"),
			{"event": lib.raw_sockets[0].seq, "process": lib.raw_sockets[0].process},
		) |
			some flow in array.slice(unjoined, 0, 4)
		],
	),
} if {
	count(lib.raw_sockets) > 0
	addresses := {flow.dst_ip | some flow in unjoined}
	count(addresses) >= 100
	lib.within(sort([flow.first_ms | some flow in unjoined]), 100, 1500)
}

# unjoined is attempts to connect that no process made by connecting.
unjoined := [flow |
	some _, lineages in input.network.apps
	some i in lineages[""]
	flow := input.network.flows[i]
	flow.proto == "tcp"
]

# The tool alone, with somewhere to look.
finding contains {
	"message": sprintf("runs %s", [lib.command(p)]),
	"malicious": false,
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, "a tool that searches whole networks")],
} if {
	some id in lib.going_by({"masscan", "zmap", "zgrab", "zgrab2", "pnscan", "unicornscan", "rustscan", "ipscan", "scanssh"})
	p := input.processes[id]
	count(p.argv) > 1
	not p.argv[1] in {"--version", "-V", "--help", "-h", "version", "help"}
}
