# METADATA
# title: Environment sent away
# description: >-
#   At least five variables of the program's environment left in one request or
#   connection. Secrets are given to containers so.
# custom:
#   severity: medium
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1041, name: Exfiltration Over C2 Channel, tactic: Exfiltration}
#   remediation: >-
#     Find out what the image sends; give it secrets as files that only it reads.
package sallyport.behaviours.collection_exfiltration["env-exfil"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s sends %d variables to %s", [lib.program(sent.process), count(names), sent.place]),
	"malicious": false,
	"severity": severity(sent),
	"confidence": 85,
	"lineage": lib.lineage(sent.process),
	"evidence": [object.union(sent.evidence, {"detail": sprintf("carries the variables %s", [concat(", ", array.slice(sort(names), 0, 12))])})],
} if {
	some sent in texts
	names := carried(sent)
	count(names) >= 5
}

texts := array.concat(
	[{"process": h.process, "place": h.host, "text": plain(h.body), "evidence": lib.http_evidence(h, "")} |
		some h in lib.requests
		count(h.body) >= 40
	],
	[{"process": flow.process, "place": place(flow), "text": plain(flow.out), "evidence": lib.flow_evidence(flow, "", "")} |
		some _, flows in lib.app_flows("raw")
		some flow in flows
		count(flow.out) >= 40
	],
)

place(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

# plain is a text, with what base64 in it stands for.
plain(text) := concat("\n", array.concat([text], decoded)) if {
	decoded := [base64.decode(piece) |
		some piece in regex.find_n(`[A-Za-z0-9+/]{60,}={0,2}`, text, 4)
		count(piece) % 4 == 0
	]
}

# carried is the variables whose name and value both stand in the text. A value
# that says little is no proof that it came from there.
carried(sent) := {name |
	some pair in input.processes[sent.process].env
	i := indexof(pair, "=")
	i > 1
	name := substring(pair, 0, i)
	value := substring(pair, i + 1, -1)
	count(value) >= 4
	contains(sent.text, name)
	contains(sent.text, value)
}

severity(sent) := "low" if lib.under(sent.place, lib.names_in(data.lists.telemetry))

else := "medium"
