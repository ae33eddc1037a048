# METADATA
# title: Mail sent to many
# description: >-
#   Mail went to at least 20 people, or to the mail servers of at least ten
#   domains, by a program that is no mail server.
# custom:
#   severity: high
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.004, name: Cloud Service Hijacking, tactic: Impact}
#   remediation: >-
#     Do not let containers reach port 25, but for your own mail server.
package sallyport.behaviours.collection_exfiltration["spam-relay"]

import data.sallyport.lib

finding contains {
	"message": sprintf("sends %d message(s) to %d people over %d server(s)", [messages, count(people), count(servers)]),
	"malicious": false,
	"severity": severity(flows),
	"confidence": 85,
	"lineage": id,
	"evidence": lib.first(5, {lib.flow_evidence(flow, "", sprintf("to %s", [concat(", ", array.slice(sort(recipients(flow)), 0, 5))])) | some flow in flows}),
} if {
	some id, flows in lib.app_flows("smtp")
	people := {r | some flow in flows; some r in recipients(flow)}
	servers := {flow.dst_ip | some flow in flows}
	messages := count([1 | some flow in flows; some m in flow.messages; m.type == "DATA"])
	wide(id, people, servers, messages)
}

recipients(flow) := {lower(to) |
	some m in flow.messages
	m.type == "RCPT"
	to := trim(regex.replace(m.fields.args, `(?i)^to:\s*<?([^>\s]*)>?.*$`, "$1"), " ")
}

wide(_, people, _, _) if count(people) >= 20

wide(_, people, servers, messages) if {
	messages >= 20
	count(people) >= 5
	count(servers) >= 1
}

# Direct delivery: the servers of many domains are looked up.
wide(id, _, servers, _) if {
	count(servers) >= 2
	count([z | some z in input.network.zones; z.lineage == id; z.types.MX > 0]) >= 10
}

severity(flows) := "low" if {
	every flow in flows {
		not lib.drifted(flow.process)
		lib.goes_by(flow.process, lib.names_in(data.lists.mail_servers))
	}
} else := "high"
