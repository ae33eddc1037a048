# METADATA
# title: Disk of the host mounted or read
# description: >-
#   A program tried to mount a disk, or to make a device node for one and open
#   it. A container has no disk of its own: what is on it is the host's. The
#   attempt counts, since the sandbox has no disk to give.
# custom:
#   severity: critical
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not run this image, and never privileged. Programs that need storage
#     get it as a volume.
package sallyport.behaviours.weaponization["escape-mount-device"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s tries to %s", [lib.base(p.exe), attempt.what]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": attempt.evidence,
} if {
	some attempt in attempts
	p := input.processes[attempt.process]
	not p.probe
}

disk := `^(/[^ ]*)?/dev/(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]|nvme[0-9]+n[0-9]+|mmcblk[0-9]+|dm-[0-9]+|md[0-9]+|mapper/.+|disk/by-[a-z]+/.+)(p?[0-9]+)?$`

# mount(2): binding a node elsewhere, moving, remounting or changing how mounts
# spread reads no disk.
other_mounts := (((((4096 + 8192) + 32) + 131072) + 262144) + 524288) + 1048576

attempts contains {
	"process": e.process,
	"what": sprintf("mount %s on %s", [e.target, object.get(e, "path", "?")]),
	"evidence": [lib.call_evidence(e, sprintf("mount(%q, %q, %q)", [e.target, object.get(e, "path", ""), object.get(e, "fstype", "")]))],
} if {
	some e in input.events.mount
	bits.and(object.get(e, "flags", 0), other_mounts) == 0
	is_disk(e.target)
}

is_disk(path) if regex.match(disk, path)

is_disk(path) if {
	some made in nodes
	made.path == path
}

# nodes holds the block devices that were made, but for those that are no disk
# of the host: memory, loop devices, network block devices.
nodes contains e if {
	some e in input.events.mknod
	bits.and(e.mode, 61440) == 24576 # S_IFMT, S_IFBLK
	not major(object.get(e, "dev", 0)) in {1, 7, 43}
}

# major is the first half of a device number, as Linux encodes it.
major(device) := bits.and(bits.rsh(device, 8), 4095)

attempts contains {
	"process": opened.process,
	"what": sprintf("read the disk %d:%d through %s", [major(made.dev), minor(made.dev), made.path]),
	"evidence": [
		lib.call_evidence(made, sprintf("mknod(%q), block device %d:%d", [made.path, major(made.dev), minor(made.dev)])),
		lib.file_evidence(opened, "opened"),
	],
} if {
	some made in nodes
	some kind in ["open", "write"]
	some opened in input.events[kind]
	opened.path == made.path
	opened.seq > made.seq
}

minor(device) := bits.or(bits.and(device, 255), bits.and(bits.rsh(device, 12), 1048320))

# debugfs reads a file system without mounting it. mount looks first whether
# there is such a disk, and asks the kernel for nothing when there is none.
attempts contains {
	"process": p.id,
	"what": sprintf("read %s with %s", [device, tool]),
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some tool in {"debugfs", "mount"}
	some p in lib.run({tool})
	not remounts(p)
	not asks(p.id) # which tells it better
	some device in p.argv
	is_disk(device)
}

remounts(p) if {
	some argument in p.argv
	regex.match(`^(--|-o|.*,)?(remount|r?bind|move|make-[a-z]+)($|,)`, argument)
}

asks(id) if {
	some e in input.events.mount
	e.process == id
}
