# METADATA
# title: Other malware ended
# description: >-
#   One lineage of programs looked for the processes and files of many known
#   miners and bots, to end them. Only who wants their place does so.
# custom:
#   severity: critical
#   group: rival
#   attack_version: "18"
#   attack:
#     - {id: T1489, name: Service Stop, tactic: Impact}
#   remediation: >-
#     Do not run this image.
package sallyport.behaviours.weaponization["rival-kill"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d names of miners and bots are looked for: %s", [count(rivals), concat(", ", array.slice(sort(rivals), 0, 12))]),
	"malicious": true,
	"confidence": 94,
	"lineage": id,
	"evidence": lib.first(10, {lib.process_evidence(h.process, lib.command(h.process)) | some h in found}),
} if {
	some id in {h.process.lineage_id | some h in hunts}
	found := [h | some h in hunts; h.process.lineage_id == id]
	rivals := {h.rival | some h in found}
	count(rivals) >= 5
}

hunts := [{"process": p, "rival": rival} |
	some p in lib.run({"pkill", "killall", "kill", "pgrep", "pidof", "fuser", "rm", "grep", "egrep", "fgrep", "ps", "chattr", "awk"})
	some rival in targets(p.argv)
]

# targets is the rivals' names among the words of arguments, and their ports.
targets(argv) := {word |
	some argument in array.slice(argv, 1, 64)
	some word in regex.split(`[^A-Za-z0-9_.:-]+`, argument)
	data.lists.rivals.names[trim(lower(word), ".-")]
}
