# METADATA
# title: Logins tried on other hosts over SSH
# description: >-
#   Several hosts, or many passwords on one, were tried over SSH. Worms move on
#   so, with keys that they found and with passwords that they guess.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1110, name: Brute Force, tactic: Credential Access}
#     - {id: T1021.004, name: SSH, tactic: Lateral Movement}
#   remediation: >-
#     Do not run this image where it can reach SSH servers. Replace every key
#     and password that it could read.
package sallyport.behaviours.propagation["ssh-spread"]

import data.sallyport.lib

finding contains {
	"message": sprintf("tries %d login(s) at %d host(s) over SSH%s", [count(logins), count(hosts), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 90,
	"lineage": id,
	"evidence": lib.first(6, {lib.flow_evidence(flow, "", tried(flow)) | some flow in flows}),
} if {
	some id, all in lib.app_flows("ssh")
	flows := [flow | some flow in all; flow.bytes_out > 0] # to connect and say nothing is a scan
	count(flows) > 0
	hosts := {flow.dst_ip | some flow in flows}
	logins := {sprintf("%s %v", [flow.dst_ip, m.fields]) |
		some flow in flows
		some m in flow.messages
		m.type == "auth"
	}
	wide(hosts, logins)
	reasons := proof(id, flows, logins)
}

wide(hosts, _) if count(hosts) >= 3

wide(_, logins) if count(logins) >= 10

proof(_, flows, logins) := {"ten or more different logins" | count(logins) >= 10} | {"three or more hosts that nobody configured" |
	count({flow.dst_ip | some flow in flows; not configured(flow)}) >= 3
}

# configured: the image was told about the host, or a tool that is made for
# many hosts takes them from its inventory.
configured(flow) if lib.told_at_start(flow.domain)

configured(flow) if lib.told_at_start(flow.dst_ip)

configured(flow) if {
	p := input.processes[flow.process]
	some id in array.concat(p.lineage, [p.id])
	not lib.drifted(id)
	lib.goes_by(id, lib.names_in(data.lists.ssh_orchestrators))
}

tried(flow) := sprintf("%d login(s): %s", [count(names), concat(", ", array.slice(sort(names), 0, 5))]) if {
	names := {sprintf("%s of %s", [m.fields.method, m.fields.user]) |
		some m in flow.messages
		m.type == "auth"
	}
	count(names) > 0
} else := "asks for the host's version and keys"
