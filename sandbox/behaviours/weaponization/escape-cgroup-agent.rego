# METADATA
# title: Release agent of control groups set
# description: >-
#   A program wrote to release_agent, or asked for its call after it had mounted
#   control groups itself. The kernel of the host runs what stands there, outside
#   of any container (CVE-2022-0492 and its like). The attempt counts, since the
#   sandbox has no such file.
# custom:
#   severity: critical
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image, and never privileged. No program in a container has
#     a use for this file.
package sallyport.behaviours.weaponization["escape-cgroup-agent"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s %s %s", [lib.base(p.exe), t.how, t.path]),
	"malicious": true,
	"confidence": 97,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.touched_evidence(t)], lib.first(2, mounts(p.lineage_id))),
} if {
	some t in agents
	p := lib.process(t.event)
	not systemd(p)
}

finding contains {
	"message": sprintf("%s asks for the release agent of control groups that it mounted", [lib.base(p.exe)]),
	"malicious": true,
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.touched_evidence(t)], lib.first(2, mounts(p.lineage_id))),
} if {
	some t in notices
	p := lib.process(t.event)
	not systemd(p)
	some m in mounts(p.lineage_id)
	m.event < t.event.seq
}

agents := [t |
	some t in lib.touched
	endswith(t.path, "/release_agent")
]

notices := [t |
	some t in lib.touched
	endswith(t.path, "/notify_on_release")
]

# mounts is the control groups that a lineage mounted, or tried to.
mounts(lineage) := {lib.call_evidence(e, sprintf("mount of %s on %s", [e.fstype, object.get(e, "path", "?")])) |
	some e in input.events.mount
	startswith(object.get(e, "fstype", ""), "cgroup")
	lib.lineage(e.process) == lineage
}

# systemd as the first process of a container looks after its own groups.
systemd(p) if {
	p.pid == 1
	not p.drift
	lib.base(p.exe) in {"systemd", "init"}
}
