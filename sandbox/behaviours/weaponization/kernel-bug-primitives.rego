# METADATA
# title: Several rare interfaces of the kernel in one program
# description: >-
#   One program used three or more interfaces of the kernel that exploits are made
#   of and that ordinary programs hardly use: keys, user-space page faults, packet
#   filters' programs, sockets of the kernel's cryptography, message queues.
# custom:
#   severity: high
#   group: exploit
#   attack_version: "18"
#   attack:
#     - {id: T1068, name: Exploitation for Privilege Escalation, tactic: Privilege Escalation}
#   remediation: >-
#     Keep the runtime's default seccomp profile, which refuses most of them, and
#     find out what the program is for.
package sallyport.behaviours.weaponization["kernel-bug-primitives"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s uses %s%s", [lib.base(p.exe), concat(", ", sort(kinds)), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": lib.first(8, {u.evidence | some u in found}),
} if {
	some id in {u.process | some u in uses}
	found := [u | some u in uses; u.process == id]
	kinds := {u.kind | some u in found}
	count(kinds) >= 3
	p := input.processes[id]
	not p.probe
	not trade(p)
	proofs := {"and is root afterwards" | became_root(p, max({u.seq | some u in found}))}
}

severity(proofs) := "critical" if count(proofs) > 0

else := "high"

calls := {
	"userfaultfd": "page faults in user space", "keyctl": "keys", "add_key": "keys", "perf_event_open": "performance counters", "io_uring_setup": "io_uring",
	"msgsnd": "message queues", "vmsplice": "spliced pages", "open_by_handle_at": "file handles", "kexec_load": "another kernel", "kexec_file_load": "another kernel",
}

uses contains {"process": e.process, "seq": e.seq, "kind": calls[e.name], "evidence": lib.call_evidence(e, e.name)} if {
	some e in input.events.syscall
	calls[e.name]
}

# BPF_PROG_LOAD, and maps for it.
uses contains {"process": e.process, "seq": e.seq, "kind": "programs in the kernel (bpf)", "evidence": lib.call_evidence(e, sprintf("bpf command %d", [e.args[0]]))} if {
	some e in input.events.bpf
	e.args[0] in {0, 5}
}

uses contains {"process": e.process, "seq": e.seq, "kind": kind, "evidence": lib.call_evidence(e, sprintf("socket of family %d", [e.args[0]]))} if {
	some e in input.events.socket
	kind := families[sprintf("%d", [e.args[0]])]
}

families := {"38": "cryptography of the kernel (AF_ALG)", "40": "sockets of virtual machines (AF_VSOCK)", "30": "TIPC", "21": "RDS", "29": "CAN", "33": "RxRPC"}

became_root(p, _) if p.elevated

# became_root: a program that it then started runs as root, and it did not.
became_root(p, seq) if {
	p.uid != 0
	p.euid != 0
	some id in p.children
	q := input.processes[id]
	q.event > seq
	q.euid == 0
}

# trade: what measures, encrypts or watches uses some of it.
trade(p) if lib.debugs(p)

trade(p) if {
	not p.drift
	some name in p.names
	name in lib.names_in(data.lists.kernel_users)
}
