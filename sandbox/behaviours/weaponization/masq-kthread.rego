# METADATA
# title: Program named like a thread of the kernel
# description: >-
#   A program gave itself a name that only threads of the kernel have, so that
#   nobody looks at it twice in a list of processes.
# custom:
#   severity: critical
#   group: masquerade
#   attack_version: "18"
#   attack:
#     - {id: T1036.004, name: Masquerade Task or Service, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image. Threads of the kernel have no program file and never
#     run in a container.
package sallyport.behaviours.weaponization["masq-kthread"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s calls itself %s", [lib.base(p.exe), p.argv[0]]),
	"malicious": true,
	"confidence": 96,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, sprintf("%s started as %q", [p.exe, p.argv[0]]))],
} if {
	some p in lib.loaded
	startswith(p.argv[0], "[")
	lib.masquerades(p)
}

finding contains {
	"message": sprintf("%s takes the name %s", [lib.base(p.exe), e.name]),
	"malicious": true,
	"confidence": 94,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("prctl(PR_SET_NAME, %q)", [e.name]))],
} if {
	some e in input.events.name
	kernel_name(e.name)
	p := lib.process(e)
}

# A file that came in at run time under such a name.
finding contains {
	"message": sprintf("%s is started, which did not come with the image", [p.exe]),
	"malicious": true,
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.drifting
	some name in {lib.base(p.exe), lib.base(p.argv[0])}
	kernel_name(name)
}

kernel_name(name) if data.lists.kernel_threads.names[name]

kernel_name(name) if {
	strings.any_prefix_match(name, data.lists.kernel_threads.prefixes)
	regex.match(`^[a-z_]+/[a-z0-9:+-]*$`, name)
}
