# METADATA
# title: Package installed at run time
# description: >-
#   A package manager ran when the container started. What the image runs then
#   depends on the day and on who answers.
# custom:
#   severity: low
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1072, name: Software Deployment Tools, tactic: Execution}
#   remediation: >-
#     Install packages when the image is built, and pin their versions.
package sallyport.behaviours.initial_execution["pkg-install-runtime"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s installs when the container starts%s", [lib.base(p.exe), tools_text(tools)]),
	"severity": severity(tools),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, concat(" ", array.concat(["installs"], sort(tools))))],
} if {
	some id in lib.package_ids
	p := input.processes[id]
	not p.forked
	not p.probe
	not lib.packaged(p.parent)
	some verb in p.argv
	verb in {"install", "add", "i", "ci", "in", "upgrade", "update", "-i", "-U", "--install", "localinstall", "groupinstall", "full-upgrade", "dist-upgrade"}
	tools := {argument |
		some argument in p.argv
		argument in lib.names_in(data.lists.scanning_packages)
	}
}

severity(tools) := "medium" if count(tools) > 0

else := "low"

tools_text(tools) := sprintf(": %s", [concat(", ", sort(tools))]) if count(tools) > 0

else := ""
