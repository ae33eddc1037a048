# METADATA
# title: Machine tuned for mining, or used up
# description: >-
#   Every processor was busy for the whole run, or was set up as miners do it:
#   registers of the processor, huge pages, one thread bound to each core.
# custom:
#   severity: medium
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.001, name: Compute Hijacking, tactic: Impact}
#   remediation: >-
#     Give containers limits for processors and memory, and find out what this
#     one computes.
package sallyport.behaviours.collection_exfiltration["resource-hijack"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s%s", [concat("; ", sort(signs)), reached]),
	"malicious": malicious,
	"severity": severity,
	"confidence": 80,
	"lineage": lineage,
	"evidence": lib.first(6, {t.evidence | some t in traits} | busy_evidence),
} if {
	signs := {t.kind | some t in traits} | busy
	count(signs) > 0
	lineage := suspect
	reached := outside(lineage)
}

# traits is what miners do to a machine, and little else does.
traits := array.concat(array.concat(registers, pages), bound)

registers := [{"kind": "registers of the processor written", "process": e.process, "evidence": lib.file_evidence(e, "model-specific registers")} |
	contains(lib.written, "/msr\n")
	some e in input.events.write
	regex.match(`^/dev/cpu/([0-9]+/)?msr$`, e.path)
]

pages := [{"kind": "huge pages reserved", "process": e.process, "evidence": lib.file_evidence(e, "huge pages")} |
	contains(lib.written, "hugepages")
	some e in input.events.write
	regex.match(`^/(proc/sys/vm/nr_(overcommit_)?hugepages|sys/(kernel/mm/hugepages|devices/system/node)/.*nr_hugepages)$`, e.path)
]

# bound: threads that are bound to one core each, on several cores.
bound := [{"kind": "a thread bound to each core", "process": first.process, "evidence": lib.call_evidence(first, "binds a thread to one core")} |
	some id in {e.process | some e in single}
	mine := [e | some e in single; e.process == id]
	count({e.flags | some e in mine}) >= 2
	first := mine[0]
]

single := [e |
	some e in input.events.syscall
	e.name == "sched_setaffinity"
	e.args[1] == 1
]

# busy: more than nine tenths of all processors, for a minute.
busy := {sprintf("all %d processors busy for %d s", [input.run.cpus, round(input.run.duration_ns / 1000000000)]) |
	input.run.duration_ns >= 60 * 1000000000
	input.run.cpu_ns * 10 > (input.run.duration_ns * input.run.cpus) * 9
}

# Nobody counts processor time by process; the one that started is the root of all.
busy_evidence := {lib.process_evidence(p, "its run kept all processors busy") |
	count(busy) > 0
	some p in input.processes
	p.parent == ""
	not p.probe
}

suspect := lib.lineage(traits[0].process) if count(traits) > 0

else := [p.lineage_id | some p in input.processes; p.parent == ""; not p.probe][0]

# outside: whom a miner needs, a pool: not a web site.
outside(lineage) := ", and it talks to somebody outside" if talks(lineage)

else := ""

talks(lineage) if {
	some app in ["raw", "tls", "stratum"]
	count(input.network.apps[app][lineage]) > 0
}

default malicious := false

malicious if {
	count({t.kind | some t in traits}) + count(busy) >= 2
	count(traits) > 0
	talks(suspect)
}

severity := "critical" if malicious

else := "high" if count({t.kind | some t in traits}) + count(busy) >= 2

else := "medium"
