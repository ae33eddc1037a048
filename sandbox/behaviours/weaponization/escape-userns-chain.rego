# METADATA
# title: Own user namespace used to reach the kernel
# description: >-
#   A program made itself root of a new user namespace and then used what only
#   root may ask of the kernel: packet filters or rare file systems. Most ways to
#   break the kernel from a container begin so; so do sandboxes within one.
# custom:
#   severity: medium
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1068, name: Exploitation for Privilege Escalation, tactic: Privilege Escalation}
#   remediation: >-
#     Keep the runtime's default seccomp profile, which refuses new user
#     namespaces, and find out why the program wants one.
package sallyport.behaviours.weaponization["escape-userns-chain"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s makes a user namespace, and in it %s", [lib.base(p.exe), next.what]),
	"severity": next.severity,
	"confidence": 75,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(made, "unshare with a new user namespace"), next.evidence],
} if {
	some made in namespaces
	p := lib.process(made)
	not sandboxes(p)
	some next in requests
	next.seq > made.seq
	within(next.process, p.id)
}

# CLONE_NEWUSER
namespaces := [e |
	some e in input.events.unshare
	bits.and(object.get(e, "flags", 0), 268435456) != 0
]

# within: it is the same process, or comes from it.
within(id, id)

within(id, above) if above in input.processes[id].lineage

requests contains {
	"process": e.process,
	"seq": e.seq,
	"severity": "high",
	"what": "opens the packet filter of the kernel",
	"evidence": lib.call_evidence(e, "socket(AF_NETLINK, NETLINK_NETFILTER)"),
} if {
	count(namespaces) > 0
	some e in input.events.socket
	e.args[0] == 16
	e.args[2] == 12
}

requests contains {
	"process": e.process,
	"seq": e.seq,
	"severity": "medium",
	"what": sprintf("mounts %s", [e.fstype]),
	"evidence": lib.call_evidence(e, sprintf("mount of %s on %s", [e.fstype, object.get(e, "path", "?")])),
} if {
	count(namespaces) > 0
	some e in input.events.mount
	not object.get(e, "fstype", "") in {"", "none", "proc", "tmpfs", "sysfs", "devpts", "mqueue", "bind", "ramfs", "cgroup", "cgroup2", "devtmpfs"}
}

requests contains {
	"process": e.process,
	"seq": e.seq,
	"severity": "high",
	"what": sprintf("prepares a file system of type %s", [object.get(e, "fstype", "?")]),
	"evidence": lib.call_evidence(e, sprintf("fsopen(%q)", [object.get(e, "fstype", "")])),
} if {
	count(namespaces) > 0
	some e in input.events.syscall
	e.name == "fsopen"
}

# sandboxes: builders and browsers of the image, whose trade it is.
sandboxes(p) if {
	not p.drift
	some name in p.names
	name in lib.names_in(data.lists.sandboxing_programs)
}
