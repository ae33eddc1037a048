# METADATA
# title: The same said to one host after the other
# description: >-
#   A program said the same first words to at least three hosts that do not
#   belong together. Bots go through a list of masters so; programs with a list
#   of mirrors do as well.
# custom:
#   severity: medium
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1008, name: Fallback Channels, tactic: Command and Control}
#   remediation: >-
#     Find out whose hosts they are, and allow only those in the network policy.
package sallyport.behaviours.communication["c2-fallback-list"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s says the same to %d hosts: %s", [lib.program(r.process), r.count, concat(", ", array.slice(r.places, 0, 5))]),
	"malicious": false,
	"confidence": 70,
	"lineage": r.lineage,
	"evidence": [{
		"type": "network", "event": r.event, "ms": r.ms, "process": r.process, "domain": r.places[0], "data": r.words,
		"detail": sprintf("the same to %s", [concat(", ", r.places)]),
	}],
} if {
	some r in input.network.repeats
	not exploring(r)
	not installing(r.process)
	strangers := [p | some p in r.places; not lib.told_at_start(p); contains(p, ".")]
	count(strangers) >= 3
}

# exploring: attacks and scans are told elsewhere.
exploring(r) if r.count >= 30

exploring(r) if r.app in {"docker", "kubelet", "kubernetes"}

installing(process) if input.processes[process].provenance == "pkgmgr"

installing(process) if lib.goes_by(process, {"apt", "apt-get", "apk", "dnf", "yum", "pip", "pip3", "npm", "yarn", "mvn", "gradle", "cargo", "go", "conda", "git"})
