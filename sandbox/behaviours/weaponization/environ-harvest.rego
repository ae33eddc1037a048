# METADATA
# title: Variables of other processes read
# description: >-
#   One lineage of programs read the environment of several others. Passwords
#   and keys of services lie there.
# custom:
#   severity: high
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1552.007, name: Container API, tactic: Credential Access}
#     - {id: T1057, name: Process Discovery, tactic: Discovery}
#   remediation: >-
#     Give secrets as files that only their service can read, and find out what
#     the program wants them for.
package sallyport.behaviours.weaponization["environ-harvest"]

import data.sallyport.lib

finding contains {
	"message": sprintf("the variables of %d other processes are read%s", [count(read.pids), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 85,
	"lineage": read.lineage,
	"evidence": array.concat(lib.first(6, {lib.file_evidence(r.event, sprintf("the environment of process %d", [r.pid])) | some r in read.reads}), lib.first(2, sent)),
} if {
	some read in harvests
	sent := posted(read)
	proofs := {"and then something is sent" | count(sent) > 0}
}

severity(proofs) := "critical" if count(proofs) > 0

else := "high"

reads := [{"event": e, "pid": pid, "lineage": p.lineage_id} |
	some [e, path] in lib.proc_opens
	endswith(path, "/environ")
	p := lib.process(e)
	pid := lib.foreign(path, p)
	not watches(p)
]

harvests := [{"lineage": id, "reads": found, "pids": pids} |
	some id in {r.lineage | some r in reads}
	found := [r | some r in reads; r.lineage == id]
	pids := {r.pid | some r in found}
	count(pids) >= 3
]

# What was sent afterwards, but for questions about names.
posted(read) := {lib.flow_evidence(flow, "", sprintf("%d bytes are sent", [flow.bytes_out])) |
	first := min({r.event.ms | some r in read.reads})
	some flow in lib.outgoing
	flow.app != "dns"
	flow.last_ms >= first
	flow.bytes_out > 0
	lib.lineage(flow.process) == read.lineage
}

watches(p) if lib.debugs(p)

watches(p) if {
	not p.drift
	some name in p.names
	name in lib.names_in(data.lists.process_viewers)
}
