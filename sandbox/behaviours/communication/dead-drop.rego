# METADATA
# title: Address taken from a public place
# description: >-
#   A program read a page on which anybody can leave words, or the books of a
#   block chain, and then contacted a host that it had not known before. So
#   masters move without telling anybody but their bots.
# custom:
#   severity: medium
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1102.001, name: Dead Drop Resolver, tactic: Command and Control}
#   remediation: >-
#     Find out what the image reads there; block the page in the network policy.
package sallyport.behaviours.communication["dead-drop"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads %s%s", [lib.program(drop.process), place(drop), lib.because({r.reason | some r in followed})]),
	"malicious": count(followed) > 0,
	"confidence": 85,
	"lineage": id,
	"evidence": array.concat(
		[lib.flow_evidence(drop, "", "a place where anybody can leave an address")],
		[r.evidence | some r in array.slice([r | some r in followed], 0, 3)],
	),
} if {
	some id, drops in lib.app_flows("drop")
	some drop in array.slice(drops, 0, 20)
	followed := written(id, drop) | derived(id, drop)
}

# written: the host that was contacted stands in what was read.
written(id, drop) := {{"reason": sprintf("and goes to %s, which stands there", [lib.address(flow.dst_ip, flow.dst_port)]), "evidence": lib.flow_evidence(flow, "", "stands in what was read")} |
	some flow in later(id, drop)
	contains(drop["in"], named_as(flow))
}

named_as(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

# derived: a name that no person would choose, or one that anybody can have in
# a minute, was asked for soon after.
derived(id, drop) := {{"reason": sprintf("and then asks for %s", [n.name]), "evidence": lib.name_evidence(n, "made of what was read")} |
	some n in soon(id, drop)
	label := split(n.name, ".")[0]
	regex.match(`^[0-9a-f]{10,}$`, label)
}

soon(id, drop) := [n |
	some n in firsts[id]
	n.ms >= drop.first_ms
	n.ms <= drop.first_ms + 60000
	n.name != drop.domain
]

# firsts is the names of each lineage, each once.
firsts := {id: {n | some n in all; n.lineage == id} |
	count(lib.app_flows("drop")) > 0
	some id, _ in lib.app_flows("drop")
	all := {n | some _, list in input.network.domains; some n in list}
}

later(id, drop) := [flow |
	some _, lineages in input.network.apps
	some i in lineages[id]
	flow := input.network.flows[i]
	flow.first_ms >= drop.first_ms
	flow.dst_ip != drop.dst_ip
	flow.app != "dns"
]

place(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip
