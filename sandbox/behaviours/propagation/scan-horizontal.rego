# METADATA
# title: Same port tried on many addresses
# description: >-
#   At least 30 addresses were contacted on one port within a minute, and no
#   name had been asked for them: a search for machines that answer.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1046, name: Network Service Discovery, tactic: Discovery}
#     - {id: T1595, name: Active Scanning, tactic: Reconnaissance}
#   remediation: >-
#     Do not run this image where it can reach other machines. If it is meant
#     to scan, give it a policy of its own and a network of its own.
package sallyport.behaviours.propagation["scan-horizontal"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d addresses contacted on port %d%s", [count(sweep.addresses), sweep.port, service(sweep.port)]),
	"malicious": sweep.port in admin_ports,
	"confidence": 85,
	"lineage": sweep.lineage,
	"evidence": lib.first(5, {lib.contact_evidence(c, ip, sweep.port, "one of many") | some ip, c in sweep.contacts}),
} if {
	some sweep in lib.sweeps
	not told(sweep)
}

# Addresses that the image was given or that peers told it are still a scan
# where the port steers machines, but no proof.
finding contains {
	"message": sprintf("%d addresses that it was told contacted on port %d%s", [count(sweep.addresses), sweep.port, service(sweep.port)]),
	"malicious": false,
	"confidence": 60,
	"lineage": sweep.lineage,
	"evidence": lib.first(5, {lib.contact_evidence(c, ip, sweep.port, "one of many") | some ip, c in sweep.contacts}),
} if {
	some sweep in lib.sweeps
	told(sweep)
	sweep.port in admin_ports
}

admin_ports := {to_number(port) | some port, _ in data.lists.admin_ports.ports}

service(port) := sprintf(" (%s)", [name]) if name := data.lists.admin_ports.ports[sprintf("%d", [port])]

else := ""

# told: half of the addresses stand in the configuration, or in what was
# received before. Peer-to-peer programs learn their peers so.
told(sweep) if {
	heard := concat(" ", array.concat(configured, received(sweep)))
	known := {ip | some ip in sweep.addresses; contains(heard, ip)}
	count(known) * 2 >= count(sweep.addresses)
}

configured := array.concat(input.image.env, array.concat(input.image.entrypoint, input.image.cmd))

received(sweep) := [flow["in"] |
	some flow in lib.outgoing
	flow["in"]
	lib.lineage(flow.process) == sweep.lineage
	not flow.dst_ip in sweep.addresses
]
