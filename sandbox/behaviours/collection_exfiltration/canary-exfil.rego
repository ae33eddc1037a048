# METADATA
# title: Planted secret sent away
# description: >-
#   A secret that was planted for this run only left for a place that it does
#   not belong to. Nobody but a thief has a reason to send it there.
# custom:
#   severity: critical
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1041, name: Exfiltration Over C2 Channel, tactic: Exfiltration}
#     - {id: T1567, name: Exfiltration Over Web Service, tactic: Exfiltration}
#   remediation: >-
#     Do not run this image. Where it ran already, replace every credential
#     that it could read.
package sallyport.behaviours.collection_exfiltration["canary-exfil"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s sends %s to %s", [lib.program(flow.process), concat(", ", sort(names)), place(flow)]),
	"malicious": true,
	"confidence": 99,
	"lineage": lib.lineage(flow.process),
	"evidence": array.concat(
		[lib.flow_evidence(
			flow, "",
			sprintf("carries %s", [concat(", ", sort({sprintf("%s (%s)", [c.name, c.encoding]) | some c in stolen}))]),
		)],
		lib.first(3, asked(flow)),
	),
} if {
	some flow in lib.outgoing
	not metadata_service(flow)
	object.get(flow, "socket", "") == "" # that of an engine, on this machine
	stolen := {c | some c in flow.canaries; not c.own_domain}
	count(stolen) > 0
	names := {c.name | some c in stolen}
}

# asked: the questions by which a secret left, when it left in names.
asked(flow) := {lib.dns_evidence(q, "asked for") |
	flow.app == "dns"
	some q in input.network.dns
	q.flow == flow.id
}

# What a cloud's metadata service gave out may go back to it.
metadata_service(flow) if flow.dst_ip in {"169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"}

place(flow) := flow.domain if flow.domain != ""

else := flow.sni if flow.sni != ""

else := sprintf("the name server of %s", [concat(", ", sort(zones(flow)))]) if count(zones(flow)) > 0

else := lib.address(flow.dst_ip, flow.dst_port)

# zones is the ends of the names that were asked for.
zones(flow) := {concat(".", array.slice(labels, count(labels) - 2, count(labels))) |
	flow.app == "dns"
	some question in input.network.dns
	question.flow == flow.id
	labels := split(question.name, ".")
}
