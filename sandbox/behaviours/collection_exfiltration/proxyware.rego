# METADATA
# title: Bandwidth sold by an embedded client
# description: >-
#   The client of a network that sells its members' connections runs, or calls
#   home. Where the image does not say that this is its purpose, somebody else
#   earns, and strangers' traffic leaves from here.
# custom:
#   severity: high
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.002, name: Bandwidth Hijacking, tactic: Impact}
#   remediation: >-
#     Do not run this image, unless sharing is what you want; then allow it by
#     digest.
package sallyport.behaviours.collection_exfiltration.proxyware

import data.sallyport.lib

finding contains {
	"message": sprintf("%s%s", [sign.what, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"severity": severity,
	"confidence": 85,
	"lineage": sign.lineage,
	"evidence": [sign.evidence],
} if {
	some sign in signs
	reasons := {"though its own program does not say so, and by one that did not come with the image" |
		not declared
		lib.drifted(sign.process)
	}
}

signs contains {"lineage": n.lineage, "process": n.process, "what": sprintf("%s calls %s", [lib.program(n.process), n.name]), "evidence": lib.name_evidence(n, "a network that sells bandwidth")} if {
	some n in lib.names_under(lib.names_in(data.lists.bandwidth_sharing))
	not site(n)
}

signs contains {"lineage": p.lineage_id, "process": p.id, "what": sprintf("runs %s", [lib.command(p)]), "evidence": lib.process_evidence(p, "a client that sells bandwidth")} if {
	some id in lib.going_by(clients)
	p := input.processes[id]
}

clients := {n | some n in data.lists.bandwidth_sharing.programs}

# site: the vendor's web site, which a browser or a check of links visits.
site(n) if startswith(n.name, "www.")

# declared: the program that the image starts is the client.
declared if {
	some word in array.concat(input.image.entrypoint, input.image.cmd)
	lower(lib.base(word)) in clients
}

severity := "medium" if declared

else := "high"
