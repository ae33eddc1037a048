# METADATA
# title: Offensive tool executed
# description: >-
#   A tool ran that is made for attacking: for scanning, breaking logins,
#   tunnelling, or for breaking out of containers. An image that starts one by
#   itself is no collection of tools.
# custom:
#   severity: high
#   group: attack
#   attack_version: "18"
#   attack:
#     - {id: T1588.002, name: Tool, tactic: Resource Development}
#   remediation: >-
#     Find out why the image starts it. Nothing that serves a purpose in
#     production does.
package sallyport.behaviours.initial_execution["attack-tool-exec"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is executed", [name]),
	"malicious": escape,
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, what[escape])],
} if {
	some [p, name, escape] in tools
}

what := {true: "is a kit for breaking out of containers", false: "is an offensive tool"}

tools contains [p, name, true] if {
	some name, words in data.lists.escape_kits.programs
	some id in ({id | some id, _ in lib.programs[name]} | {id | some id, _ in lib.script_names[name]})
	p := input.processes[id]
	meant(p, words)
	asked(p)
}

tools contains [p, name, false] if {
	some name in data.lists.offensive_tools.names
	some id in ({id | some id, _ in lib.programs[name]} | {id | some id, _ in lib.script_names[name]})
	p := input.processes[id]
	asked(p)
}

meant(_, words) if count(words) == 0

meant(p, words) if {
	some argument in p.argv
	argument in words
}

# asked: it is not only asked what it is.
asked(p) if not regex.match(`^\S+( \S+)? (-h|-v|-V|--help|--version|version|help)$`, lib.command_line(p))
