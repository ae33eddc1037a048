# METADATA
# title: Memory of another process read
# description: >-
#   A program that is no debugger looked up what lies where in another process
#   and read its memory. It is how passwords and keys are taken from a service
#   that runs.
# custom:
#   severity: high
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1003.007, name: Proc Filesystem, tactic: Credential Access}
#   remediation: >-
#     Do not run this image beside anything that has secrets. Programs that must
#     look into others are debuggers; say so by running them as such.
package sallyport.behaviours.weaponization["memory-cred-dump"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads the memory of process %d", [lib.base(p.exe), pid]),
	"malicious": true,
	"severity": "critical",
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": array.concat(lib.first(1, looked(pid, p)), [lib.file_evidence(e, "opened for reading")]),
} if {
	some [e, p, pid, kind] in looks
	kind == "mem"
	count(looked(pid, p)) > 0
}

finding contains {
	"message": sprintf("%s reads the memory of process %d", [lib.base(p.exe), e.args[0]]),
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("process_vm_readv of process %d", [e.args[0]]))],
} if {
	some e in input.events.process_vm
	e.name == "process_vm_readv"
	p := lib.process(e)
	e.args[0] != p.pid
	not lib.debugs(p)
	not lib.related(p, e.args[0])
}

# looks is the openings of another process' memory, and of the list of what lies in it.
looks := [[e, p, pid, kind] |
	some [e, path] in lib.proc_opens
	kind := regex.find_all_string_submatch_n(`/(mem|maps)$`, path, 1)[0][1]
	p := lib.process(e)
	pid := lib.foreign(path, p)
	not lib.debugs(p)
]

# looked is the look at the list of the same process, by anybody of the lineage.
looked(pid, p) := {lib.file_evidence(e, "looked up what lies where") |
	some [e, other, of, kind] in looks
	kind == "maps"
	of == pid
	other.lineage_id == p.lineage_id
}
