# METADATA
# title: Names made up by a program
# description: >-
#   Many domains were asked for whose names no person would choose, and most of
#   them do not exist. Bots look for their master so.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1568.002, name: Domain Generation Algorithms, tactic: Command and Control}
#   remediation: >-
#     Do not run this image, or find out what makes these names. Log the names
#     that containers ask for.
package sallyport.behaviours.communication["dga-dns"]

import data.sallyport.lib

finding contains {
	"message": sprintf("asks for %d domains with names that look made up, of which %d do not exist%s", [count(zones), missing, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 85,
	"lineage": id,
	"evidence": lib.first(6, {zone_evidence(z) | some z in zones}),
} if {
	some id in {z.lineage | some z in generated}
	zones := [z | some z in generated; z.lineage == id]
	count(zones) >= 20
	missing := count([1 | some z in zones; z.failed > 0])
	missing * 2 > count(zones)
	reasons := proof(zones)
}

generated := [z | some z in input.network.zones; z.generated]

proof(zones) := {"50 or more" | count(zones) >= 50} | {"the program did not come with the image" |
	some z in zones
	lib.drifted(z.process)
}

zone_evidence(z) := {
	"type": "dns", "event": z.event, "ms": z.ms, "process": z.process, "domain": z.samples[0],
	"detail": sprintf("one of many; %d of %d questions failed", [z.failed, z.questions]),
}
