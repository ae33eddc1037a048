# METADATA
# title: Data carried in names
# description: >-
#   Names below one domain hold data instead of words: what is asked for is the
#   message. It passes where nothing but DNS gets out.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1071.004, name: DNS, tactic: Command and Control}
#     - {id: T1048.003, name: Exfiltration Over Unencrypted Non-C2 Protocol, tactic: Exfiltration}
#   remediation: >-
#     Do not run this image. Let containers ask only a resolver of your own, and
#     log the names.
package sallyport.behaviours.communication["dns-tunnel"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d names below %s carry about %d characters%s", [z.encoded, z.name, z.payload, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 88,
	"lineage": z.lineage,
	"evidence": [{
		"type": "dns", "event": z.event, "ms": z.ms, "process": z.process, "domain": name,
		"detail": sprintf("one of %d", [z.encoded]),
	} |
		some name in z.samples
	],
} if {
	some z in input.network.zones
	secrets := stolen(z)
	enough(z, secrets)
	not z.name in lib.names_in(data.lists.data_in_names)
	reasons := {"more than 50 names with data" | z.encoded > 50} | {sprintf("carries %s", [name]) | some name in secrets}
}

enough(z, _) if z.encoded >= 15

enough(z, secrets) if {
	count(secrets) > 0
	z.encoded > 0
}

# stolen: planted secrets that left in questions of this lineage.
stolen(z) := {c.name |
	z.encoded > 0
	some i in input.network.apps.dns[z.lineage]
	some c in input.network.flows[i].canaries
	not c.own_domain
}
