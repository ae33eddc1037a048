# METADATA
# title: Search engine for devices asked
# description: >-
#   A search engine that lists reachable machines by their services was
#   contacted. Worms look there for what they attack next.
# custom:
#   severity: medium
#   group: recon
#   attack_version: "18"
#   attack:
#     - {id: T1596.005, name: Scan Databases, tactic: Reconnaissance}
#   remediation: >-
#     Find out what the image looks for, and block the engine in the network
#     policy if that is not its purpose.
package sallyport.behaviours.propagation["internet-search-recon"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s asks %s", [lib.program(n.process), n.name]),
	"severity": severity(n.process),
	"confidence": 90,
	"lineage": n.lineage,
	"evidence": array.concat([lib.name_evidence(n, "a search engine for devices")], asked(n)),
} if {
	some n in lib.names_under(lib.names_in(data.lists.device_search_engines))
}

# Its own client, as a distribution packages it, does what it is for.
severity(process) := "info" if {
	not lib.drifted(process)
	lib.goes_by(process, {c | some c in data.lists.device_search_engines.clients})
} else := "medium"

asked(n) := lib.first(3, {lib.http_evidence(h, "searches") |
	some h in lib.requests_of(input.processes[n.process])
	h.host == n.name
}) if input.processes[n.process]

else := []
