# METADATA
# title: Namespaces of the host's first process joined
# description: >-
#   A program took the namespaces of process 1 and tried to join them. With the
#   host's process numbers in sight that is the host itself; within a container's
#   own there is nothing to join.
# custom:
#   severity: critical
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image with the host's process numbers (hostPID), and never
#     privileged.
package sallyport.behaviours.weaponization["escape-nsenter-init"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s enters the namespaces of process 1", [lib.base(p.exe)]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"nsenter"})
	of_first(p.argv)
}

finding contains {
	"message": sprintf("%s joins %s", [lib.base(p.exe), opened.namespace]),
	"malicious": true,
	"confidence": 93,
	"lineage": p.lineage_id,
	"evidence": [lib.file_evidence(opened.event, sprintf("opens %s", [opened.namespace])), lib.call_evidence(joined, "setns")],
} if {
	some joined in input.events.setns
	p := lib.process(joined)
	some opened in namespaces
	opened.event.process == p.id
	opened.event.seq < joined.seq
	startswith(opened.namespace, "/proc/1/ns/")
	not left_own(p.id)
}

# The same, when the sensor knows of what the descriptor is.
finding contains {
	"message": sprintf("%s joins %s", [lib.base(p.exe), e.path]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("setns to %s", [e.path]))],
} if {
	some e in input.events.setns
	startswith(object.get(e, "path", ""), "/proc/1/ns/")
	p := lib.process(e)
	not left_own(p.id)
}

# The same by a descriptor of the process itself.
finding contains {
	"message": sprintf("%s joins the namespaces of process 1", [lib.base(p.exe)]),
	"malicious": true,
	"confidence": 93,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(named, "pidfd_open of process 1"), lib.call_evidence(joined, "setns")],
} if {
	some named in input.events.syscall
	named.name == "pidfd_open"
	named.args[0] == 1
	some joined in input.events.setns
	joined.process == named.process
	joined.seq > named.seq
	not startswith(object.get(joined, "path", ""), "/proc/")
	p := lib.process(joined)
	p.pid != 1
}

# What looks after a node reaches it through a folder that was mounted for it.
finding contains {
	"message": sprintf("%s enters namespaces of the host", [lib.base(p.exe)]),
	"malicious": false,
	"severity": "high",
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"nsenter"})
	some argument in p.argv
	regex.match(`^(--[a-z]+=|-[a-zA-Z])?/[^ ]+/proc/1/ns`, argument)
}

of_first(argv) if {
	some i, argument in argv
	argument in {"-t", "--target"}
	argv[i + 1] == "1"
}

of_first(argv) if {
	some argument in argv
	regex.match(`^(-[a-zA-Z]*t|--target=)1$`, argument)
}

of_first(argv) if {
	some argument in argv
	regex.match(`^(--[a-z]+=|-[a-zA-Z])?/proc/1/ns/`, argument)
}

namespaces := [{"event": e, "namespace": path} |
	some [e, path] in lib.proc_opens
	contains(path, "/ns/")
]

# left_own: who made a namespace and returns to its own joins nothing new.
left_own(id) if {
	some e in input.events.unshare
	e.process == id
}
