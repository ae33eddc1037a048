# METADATA
# title: Environment examined before acting
# description: >-
#   One lineage of programs looked at many things that tell where it runs, and
#   then ended. Malware does so to stay quiet where it is watched.
# custom:
#   severity: medium
#   group: evade
#   attack_version: "18"
#   attack:
#     - {id: T1497.001, name: System Checks, tactic: Defense Evasion}
#   remediation: >-
#     Run the analysis again with another profile, and read what the program does
#     when it likes what it sees.
package sallyport.behaviours.weaponization["sandbox-check"]

import data.sallyport.lib

# Who asks for this sandbox by its name does not want to be seen by it.
finding contains {
	"message": sprintf("%s asks whether this is gVisor", [lib.base(p.exe)]),
	"severity": "high",
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"grep", "egrep", "fgrep", "awk", "sed", "find", "pgrep", "dmesg"})
	some argument in array.slice(p.argv, 1, 32)
	regex.match(`(?i)\b(gvisor|runsc)\b`, argument)
}

finding contains {
	"message": sprintf("%s asks whether this is gVisor", [lib.base(p.exe)]),
	"severity": "high",
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.file_evidence(e, "a file that only gVisor has")],
} if {
	some t in tells
	t.kind == "gvisor"
	e := t.event
	p := input.processes[e.process]
}

finding contains {
	"message": sprintf("looked at %s, and ended", [concat(", ", sort(kinds))]),
	"severity": "medium",
	"confidence": 70,
	"lineage": id,
	"evidence": lib.first(10, {t.evidence | some t in found}),
} if {
	some id in {t.lineage | some t in tells}
	found := [t | some t in tells; t.lineage == id]
	kinds := {t.kind | some t in found}
	enough(found)
	ended(id, max({t.ms | some t in found}))
}

# enough: programs that measure their share of the machine look at three or four
# things, and the system's name is asked for by many more; who looks at what
# only tells of hypervisors and containers does not measure.
enough(found) if {
	kinds := {t.kind | some t in found; not t.call == "uname"}
	count(kinds) >= 4
}

enough(found) if {
	kinds := {t.kind | some t in found}
	count(kinds) >= 4
	count(kinds & {"dmi", "hypervisor", "virtualisation", "kernel-log", "container-file", "disk"}) >= 2
}

tells := array.concat(array.concat(read, asked), called)

called := [{"kind": kind, "call": e.name, "event": e, "ms": e.ms, "lineage": p.lineage_id, "evidence": lib.call_evidence(e, e.name)} |
	some e in input.events.syscall
	kind := {"syslog": "kernel-log", "uname": "kernel"}[e.name]
	p := lib.process(e)
	not lib.packaged(p.id)
]

read := [{"kind": kind, "call": "", "event": e, "ms": e.ms, "lineage": p.lineage_id, "evidence": lib.file_evidence(e, sprintf("opened, tells of %s", [kind]))} |
	some e in lib.system_opens
	kind := kind_of(e.path)
	p := lib.process(e)
	not lib.packaged(p.id)
]

asked := [{"kind": kind, "call": "", "event": {}, "ms": p.start_ms, "lineage": p.lineage_id, "evidence": lib.process_evidence(p, lib.command(p))} |
	some p in lib.run({"systemd-detect-virt", "virt-what", "dmidecode", "lscpu", "uname", "lsmod", "dmesg", "hostnamectl"})
	some kind in {k | some n in p.names; k := tools[n]}
	not lib.packaged(p.id)
]

tools := {
	"systemd-detect-virt": "virtualisation", "virt-what": "virtualisation", "hostnamectl": "virtualisation", "dmidecode": "dmi",
	"lscpu": "cpu", "uname": "kernel", "lsmod": "modules", "dmesg": "kernel-log",
}

kind_of(path) := kind if {
	kind := data.lists.environment_tells.paths[path]
} else := data.lists.environment_tells.paths[any_process] if {
	startswith(path, "/proc/")
	any_process := regex.replace(path, `^/proc/(self|[0-9]+)/(task/[0-9]+/)?`, "/proc/*/")
	data.lists.environment_tells.paths[any_process]
} else := min({kind |
	some place, kind in data.lists.environment_tells.paths
	startswith(path, concat("", [place, "/"]))
})

# ended: the lineage's first process ended soon after its last look, and
# nothing of it served anybody.
ended(id, last) if {
	p := input.processes[id]
	p.end_ms > 0
	p.end_ms - last <= 5000
	not serves(id)
}

serves(id) if {
	some e in input.events.listen
	lib.lineage(e.process) == id
}
