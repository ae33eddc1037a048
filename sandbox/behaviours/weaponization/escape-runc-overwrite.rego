# METADATA
# title: Container runtime's program overwritten
# description: >-
#   A program opened the file of a running program for writing through /proc. It
#   is how the container runtime on the host is replaced while it enters the
#   container (CVE-2019-5736).
# custom:
#   severity: critical
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image, and never "exec" into a container of it.
package sallyport.behaviours.weaponization["escape-runc-overwrite"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s opens %s for writing", [lib.base(p.exe), path]),
	"malicious": true,
	"confidence": 96,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.touched_evidence(t), {"path": path})],
} if {
	some t in lib.touched
	t.kind == "write"
	some path in {t.path, object.get(t.event, "target", "")}
	startswith(path, "/proc/")
	regex.match(`^/proc/(self|thread-self|[0-9]+)/(task/[0-9]+/)?exe$`, path)
	p := lib.process(t.event)
}

# The same through a descriptor that was opened before: a program that runs
# cannot be written (ETXTBSY), so this one tries again until it can.
finding contains {
	"message": sprintf("%s tries %d times to open a running program for writing", [lib.base(p.exe), t.event.count]),
	"malicious": true,
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [lib.touched_evidence(t)],
} if {
	some t in lib.touched
	t.kind == "write"
	startswith(t.path, "/proc/")
	regex.match(`^/proc/(self|thread-self|[0-9]+)/(task/[0-9]+/)?fd/[0-9]+$`, t.path)
	object.get(t.event, "errno", 0) == 26
	t.event.count >= 2
	p := lib.process(t.event)
}
