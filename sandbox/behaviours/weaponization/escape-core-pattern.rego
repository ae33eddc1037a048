# METADATA
# title: Program that the kernel calls replaced
# description: >-
#   A program wrote to a file that tells the kernel what to run when a program
#   crashes, a module is missing or a device appears, or what to do at once
#   (sysrq). What stands there runs on the host, as root.
# custom:
#   severity: high
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image privileged. Settings of the kernel belong to the
#     configuration of the node.
package sallyport.behaviours.weaponization["escape-core-pattern"]

import data.sallyport.lib

# handlers is the files that name a program; there is no plain value for them.
handlers := {
	"/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/poweroff_cmd",
	"/sys/kernel/uevent_helper", "/proc/sysrq-trigger",
}

core := "/proc/sys/kernel/core_pattern"

finding contains {
	"message": sprintf("%s %s %s", [lib.base(p.exe), t.how, t.path]),
	"malicious": true,
	"severity": "critical",
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.touched_evidence(t)],
} if {
	some t in lib.touched
	t.path in handlers
	p := lib.process(t.event)
}

finding contains {
	"message": sprintf("%s %s %s%s", [lib.base(p.exe), t.how, core, lib.because(piped)]),
	"malicious": count(piped) > 0,
	"severity": severity(piped),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.touched_evidence(t), lib.process_evidence(p, lib.command(p))],
} if {
	some t in lib.touched
	t.path == core
	p := lib.process(t.event)
	piped := {"a program is to get every crash" |
		some text in lib.told(p)
		some line in lib.lines(text)
		pipes(line)
	}
}

# sysctl: a value that is a name for files is a setting like any other.
finding contains {
	"message": sprintf("%s sets %s", [lib.base(p.exe), argument]),
	"malicious": true,
	"severity": "critical",
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"sysctl"})
	some argument in p.argv
	regex.match(`^kernel[./](core_pattern\s*=\s*["']?\||(modprobe|hotplug|poweroff_cmd)\s*=)`, argument)
}

# Interpreters of other CPUs' programs are registered on purpose, by images made for it.
finding contains {
	"message": sprintf("%s registers an interpreter for programs of the whole host", [lib.base(p.exe)]),
	"severity": "medium",
	"lineage": p.lineage_id,
	"evidence": [lib.touched_evidence(t)],
} if {
	some t in lib.touched
	t.path == "/proc/sys/fs/binfmt_misc/register"
	p := lib.process(t.event)
}

severity(piped) := "critical" if count(piped) > 0

else := "high"

# pipes: a shell's text tells what it writes.
pipes(line) if {
	contains(line, "core_pattern")
	regex.match(`["'= ]\|\s*/`, replace(line, " | /", " "))
}
