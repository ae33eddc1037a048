# METADATA
# title: Neighbours searched for
# description: >-
#   A program learned the networks that it is in, and then tried the addresses
#   around its own: other containers, and their host.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1018, name: Remote System Discovery, tactic: Discovery}
#   remediation: >-
#     Do not run this image beside others. Allow containers to reach only what
#     they need.
package sallyport.behaviours.propagation["scan-neighbours"]

import data.sallyport.behaviours.propagation["net-recon-local"] as recon
import data.sallyport.lib

finding contains {
	"message": sprintf("%d addresses around its own tried on port %s", [count(near), port]),
	"malicious": false,
	"confidence": 85,
	"lineage": id,
	"evidence": array.concat(
		lib.first(2, {l.evidence | some l in recon.looks; l.lineage == id}),
		lib.first(4, {lib.contact_evidence(c, ip, to_number(port), "one of its neighbours") | some ip, c in near}),
	),
} if {
	some id in {l.lineage | some l in recon.looks}
	some port, contacts in input.network.contacts[id]
	near := {ip: c |
		some ip, c in contacts
		not c.named
		not lib.told_at_start(ip)
		some prefix in prefixes
		startswith(ip, prefix)
	}
	count(near) >= 10
}

# prefixes is the networks of 256 addresses around the image's own, and those
# next to them that Docker's bridge holds.
prefixes := {sprintf("%s.%s.", [parts[0], parts[1]]) |
	some ip in input.run.addresses
	parts := split(ip, ".")
	count(parts) == 4
}
