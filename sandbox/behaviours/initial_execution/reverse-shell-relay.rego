# METADATA
# title: Shell joined to an outbound connection
# description: >-
#   A shell's input and output go to a program that holds a connection which the
#   container opened to the outside. Whoever is at the other end types the
#   commands.
# custom:
#   severity: critical
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Do not run this image. Find the layer that brings these commands, and
#     rebuild without it.
package sallyport.behaviours.initial_execution["reverse-shell-relay"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads commands from %s by way of %s", [p.exe, lib.address(ip, to_number(port)), lib.base(relay.exe)]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [
		lib.contact_evidence(c, ip, to_number(port), "opens the connection"),
		lib.process_evidence(relay, sprintf("joins it to the shell by %s", [way])),
		lib.process_evidence(p, "has its input and output there"),
	],
} if {
	count(lib.dialers) > 0
	some [p, relay, way] in lib.relayed
	some port, contacts in input.network.contacts[relay.lineage_id]
	some ip, c in contacts
	c.process == relay.id
}
