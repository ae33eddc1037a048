# METADATA
# title: Orders taken from a chat platform
# description: >-
#   A program asks a chat platform for messages, or sends there. Where a message
#   made it run something, or a secret left so, the chat is how it is steered.
# custom:
#   severity: medium
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1102.002, name: Bidirectional Communication, tactic: Command and Control}
#   remediation: >-
#     Do not run this image if it obeys. Block the platform's interface in the
#     network policy where no bot is wanted.
package sallyport.behaviours.communication["chat-c2"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s uses %s (%s)%s", [lib.program(flows[0].process), place(flows[0]), concat(", ", sort(calls)), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"severity": severity(calls, reasons),
	"confidence": 85,
	"lineage": id,
	"evidence": array.concat(
		lib.first(3, {lib.flow_evidence(flow, "", concat(", ", sort(said(flow)))) | some flow in flows}),
		array.slice(obeyed, 0, 3),
	),
} if {
	some id, flows in lib.app_flows("chat")
	calls := {call | some flow in flows; some call in said(flow)}
	obeyed := [lib.process_evidence(p, "told so in a message") |
		some flow in flows
		some p in lib.obeying(flow)
	]
	stolen := {c.name | some flow in flows; some c in flow.canaries; not c.own_domain}
	reasons := {"it runs what a message says" | count(obeyed) > 0} | {sprintf("sends %s", [name]) | some name in stolen}
}

said(flow) := {m.type | some m in flow.messages; m.out}

# Only to send is what notifiers do.
severity(calls, reasons) := "critical" if count(reasons) > 0

else := "medium" if count(calls & asking) > 0

else := "low"

asking := {"getUpdates", "getupdates", "GET channels", "conversations.history", "conversations.replies", "GET gateway"}

place(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip
