# METADATA
# title: Ways out of the container looked for
# description: >-
#   One lineage of programs looked at several of the things that tell whether a
#   container can be left: its capabilities, disks, the runtime's socket, the
#   memory of the kernel, programs that run as root.
# custom:
#   severity: medium
#   group: discovery
#   attack_version: "18"
#   attack:
#     - {id: T1613, name: Container and Resource Discovery, tactic: Discovery}
#   remediation: >-
#     Run the container without capabilities and as another user than root, and
#     find out who looks.
package sallyport.behaviours.weaponization["priv-probe"]

import data.sallyport.lib

finding contains {
	"message": sprintf("looked at: %s", [concat(", ", sort(kinds))]),
	"lineage": id,
	"confidence": 75,
	"evidence": lib.first(10, {l.evidence | some l in found}),
} if {
	some id in {l.lineage | some l in looks}
	found := [l | some l in looks; l.lineage == id]
	kinds := {l.kind | some l in found}
	count(kinds) >= 3
}

looks contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.file_evidence(e, sprintf("opened, for %s", [kind]))} if {
	some e in lib.system_opens
	kind := kind_of(e.path)
	p := lib.process(e)
}

looks contains {"kind": "the runtime's socket", "lineage": p.lineage_id, "evidence": lib.call_evidence(e, sprintf("connect to %s", [e.remote.path]))} if {
	some e in input.events.connect
	e.remote.family == "unix"
	lib.base(e.remote.path) in lib.names_in(data.lists.runtime_sockets)
	p := lib.process(e)
}

looks contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.process_evidence(p, lib.command(p))} if {
	some p in lib.run({"capsh", "getpcaps", "amicontained", "grep", "fdisk", "lsblk", "blkid", "debugfs", "find", "getcap", "sudo", "lsns", "unshare"})
	some kind in asks(p)
}

kind_of(path) := "disks" if regex.match(`^/dev/(sd[a-z]|vd[a-z]|xvd[a-z]|nvme[0-9]|mapper/)`, path)

else := "memory of the kernel" if path in {"/dev/kmem", "/dev/kmsg", "/dev/mem", "/proc/kallsyms", "/proc/kcore"}

else := "keys of the kernel" if path == "/proc/keys"

else := "files of the host" if regex.match("^/proc/1/root/", path)

asks(p) := (((((({"capabilities" | some n in p.names; n in {"capsh", "getpcaps", "amicontained"}} | {"capabilities" | some a in p.argv; regex.match(`^Cap(Eff|Bnd|Prm)`, a)}) | {"disks" | some n in p.names; n in {"fdisk", "lsblk", "blkid", "debugfs"}}) | {"programs that run as root" | "find" in p.names; some i, a in p.argv; a == "-perm"; regex.match(`^[-/]?(0?[4-7]000|u[=+]s|[+/]?u=s)`, p.argv[i + 1])}) | {"programs that run as root" | "getcap" in p.names; "-r" in p.argv}) | {"programs that run as root" | "sudo" in p.names; "-l" in p.argv}) | {"the runtime's socket" | "find" in p.names; some a in p.argv; regex.match(`docker\*?\.sock|containerd\.sock|crio\.sock`, a)}) | {"namespaces" | some n in p.names; n in {"lsns", "unshare"}}
