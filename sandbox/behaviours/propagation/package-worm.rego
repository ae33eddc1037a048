# METADATA
# title: Publishes with a token that it found
# description: >-
#   A package, an image or a commit was published with a token that was planted
#   for this run. A worm in the supply chain goes on so, into everything that
#   the token's owner maintains.
# custom:
#   severity: critical
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1195.001, name: Compromise Software Dependencies and Development Tools, tactic: Initial Access}
#   remediation: >-
#     Do not run this image. Revoke every token that it could read, and look at
#     what was published with them.
package sallyport.behaviours.propagation["package-worm"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s publishes to %s with %s", [lib.program(flow.process), place(flow), concat(", ", sort(tokens))]),
	"malicious": true,
	"confidence": 96,
	"lineage": id,
	"evidence": array.concat(
		[lib.flow_evidence(flow, "", sprintf("carries %s", [concat(", ", sort(tokens))]))],
		lib.first(4, {lib.http_evidence(h, "publishes") |
			some h in lib.requests
			h.flow == flow.id
			h.method in {"PUT", "POST", "PATCH"}
		}),
	),
} if {
	some id, flows in lib.app_flows("publish")
	some flow in flows
	some m in flow.messages
	m.type == "publish"
	tokens := {c.name | some c in flow.canaries}
	count(tokens) > 0
}

place(flow) := flow.domain if flow.domain != ""

else := flow.sni if flow.sni != ""

else := flow.dst_ip
