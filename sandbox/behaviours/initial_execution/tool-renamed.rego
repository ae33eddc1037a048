# METADATA
# title: Tool of the system moved aside
# description: >-
#   A tool for transfers or for looking at the system was given another name, so
#   that rules and rivals that look for its name do not find it.
# custom:
#   severity: medium
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1036.003, name: Rename Legitimate Utilities, tactic: Defense Evasion}
#   remediation: >-
#     Find out who renames it; no package does.
package sallyport.behaviours.initial_execution["tool-renamed"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s becomes %s", [e.path, e.target]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.file_evidence(e, sprintf("is renamed to %s", [e.target]))],
} if {
	some e in input.events.rename
	regex.match(`^(/usr)?(/local)?/s?bin/[^/]+$`, e.path)
	lib.base(e.path) in tools
	lib.base(e.path) != lib.base(e.target)

	# Package managers and the alternatives system put new files in the place of old ones.
	not regex.match(`\.(dpkg-\w+|distrib|real|orig|old|bak|apk-new|rpmsave|rpmnew|diverted)$`, e.target)
	p := lib.process(e)
	not lib.packaged(p.id)
}

tools := lib.names_in(data.lists.downloaders) | lib.names_in(data.lists.watched_tools)
