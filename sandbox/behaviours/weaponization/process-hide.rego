# METADATA
# title: Processes hidden from lists
# description: >-
#   A program covered the folder of a process in /proc, or mounted /proc so that
#   it shows less. Tools that list processes then leave some out.
# custom:
#   severity: critical
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1564, name: Hide Artifacts, tactic: Defense Evasion}
#     - {id: T1014, name: Rootkit, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image. Nothing that a container is for needs this.
package sallyport.behaviours.weaponization["process-hide"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s covers %s", [lib.base(p.exe), e.path]),
	"malicious": true,
	"confidence": 96,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("mount of %s on %s", [object.get(e, "target", "?"), e.path]))],
} if {
	some e in input.events.mount
	regex.match(`^/proc/[0-9]+(/|$)`, e.path)
	p := lib.process(e)
}

finding contains {
	"message": sprintf("%s mounts %s so that it shows only own processes", [lib.base(p.exe), e.path]),
	"malicious": true,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("mount of proc on %s with %s", [e.path, e.data]))],
} if {
	some e in input.events.mount
	e.path == "/proc"
	regex.match(`hidepid=([1-9]|invisible|noaccess|ptraceable)`, e.data)
	p := lib.process(e)
}

finding contains {
	"message": sprintf("%s mounts /proc so that it shows only own processes", [lib.base(p.exe)]),
	"malicious": true,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"mount"})
	"/proc" in p.argv
	some argument in p.argv
	regex.match(`hidepid=([1-9]|invisible|noaccess|ptraceable)`, argument)
}
