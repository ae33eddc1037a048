# METADATA
# title: Files searched for secrets
# description: >-
#   A program that finds secrets ran over the file system, or a search for the
#   marks of keys and passwords did.
# custom:
#   severity: medium
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1552.001, name: Credentials In Files, tactic: Credential Access}
#   remediation: >-
#     Find out for whom. Scanners of secrets belong into build pipelines.
package sallyport.behaviours.initial_execution["secret-scan-tool"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s searches for secrets", [name]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, "searches for secrets"), {"data": lib.command(p)})],
} if {
	some name in data.lists.secret_scanners.names
	some id in ({id | some id, _ in lib.programs[name]} | {id | some id, _ in lib.script_names[name]})
	p := input.processes[id]
	count(p.argv) > 1
	not regex.match(` (-h|-v|-V|--help|--version|version|help)$`, lib.command_line(p))
}

finding contains {
	"message": sprintf("%s searches all files for the marks of keys", [lib.base(p.argv[0])]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, "searches for keys"), {"data": lib.command(p)})],
} if {
	some id in lib.going_by({"grep", "egrep", "rg", "ag", "ugrep"})
	p := input.processes[id]
	everywhere(p)
	some argument in p.argv
	regex.match(`(?i)\bAKIA|aws_(secret|access)|BEGIN [A-Z ]*PRIVATE|PRIVATE KEY|xox[abp]-|\bghp_|\bglpat-|api[_-]?(key|secret)|secret[_-]?key|passw(or)?d\b.*[|=]|\btoken\b.*\|`, argument)
}

# everywhere: through whole trees of files, which are not the application's alone.
everywhere(p) if {
	some option in p.argv
	regex.match(`^-[a-zA-Z]*[rR][a-zA-Z]*$|^--recursive$|^--(hidden|no-ignore)$`, option)
	some argument in array.slice(p.argv, 1, 40)
	regex.match(`^(/|/home|/root|/etc|/var|/opt|/srv|/proc|/mnt|/host\S*|~)(/\S*)?$`, argument)
}
