# METADATA
# title: Many ports tried on one address
# description: >-
#   At least 20 ports of one address were tried within half a minute: a search
#   for services that answer.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1046, name: Network Service Discovery, tactic: Discovery}
#   remediation: >-
#     Find out why the image looks for services. If it is meant to scan, give it
#     a network of its own.
package sallyport.behaviours.propagation["scan-vertical"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d ports of %s tried", [count(sweep.ports), sweep.ip]),
	"malicious": false,
	"confidence": 85,
	"lineage": sweep.lineage,
	"evidence": [lib.contact_evidence(try, sweep.ip, try.port, "one of many ports") | some try in array.slice(sweep.ports, 0, 5)],
} if {
	some sweep in input.network.port_sweeps
	lib.within([try.ms | some try in sweep.ports], 20, 30000)
	not passive(sweep)
}

# passive: the data connections of FTP go to a new port for each file.
passive(sweep) if {
	some flow in lib.app_flows("ftp")[sweep.lineage]
	flow.dst_ip == sweep.ip
}
