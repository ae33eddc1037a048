# METADATA
# title: Root directory moved to the host's
# description: >-
#   A program made the file system of the host its own root: the root of process
#   1, or a folder where the host is usually mounted. What it then starts works
#   on the host.
# custom:
#   severity: high
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1611, name: Escape to Host, tactic: Privilege Escalation}
#   remediation: >-
#     Do not give this image the host's file system or process numbers. Programs
#     that look after nodes name what they need as volumes.
package sallyport.behaviours.weaponization["escape-chroot-host"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s changes its root to %s%s", [lib.base(p.exe), to, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs),
	"confidence": 93,
	"lineage": p.lineage_id,
	"evidence": array.concat([lib.call_evidence(e, sprintf("%s(%q)", [kind, to]))], lib.first(2, shells_after(p, e))),
} if {
	some kind in ["chroot", "pivot_root"]
	some e in input.events[kind]
	p := lib.process(e)
	to := object.get(e, "name", object.get(e, "path", ""))
	of_host(to, p)
	proofs := proof(to, p, e)
}

severity(proofs) := "critical" if count(proofs) > 0

else := "high"

of_host(path, _) if through_process(path)

of_host(path, _) if path in lib.names_in(data.lists.host_mounts)

# A disk that the same lineage mounted there.
of_host(path, p) if {
	path != "/"
	some e in input.events.mount
	e.path == path
	regex.match(`^/dev/[a-z]`, object.get(e, "target", ""))
	lib.lineage(e.process) == p.lineage_id
}

through_process(path) if regex.match(`^/proc/[0-9]+/(task/[0-9]+/)?root(/|$)`, path)

proof(path, p, e) := ({"the root of another process" |
	through_process(path)
	not own(path, p)
} | {"for a shell" | count(shells_after(p, e)) > 0}) | {"for a shell" | wanted(p)}

own(path, p) if startswith(path, sprintf("/proc/%d/", [p.pid]))

# shells_after is the shells that p became or started inside.
shells_after(p, e) := {lib.process_evidence(q, lib.command(q)) |
	some id in array.concat([p.id], p.children)
	id in lib.shell_ids
	q := input.processes[id]
	q.event > e.seq
}

# chroot(1) tells what it would have started: a shell unless told otherwise.
wanted(p) if {
	"chroot" in p.names
	words := [w | some w in command_words(p.argv); not startswith(w, "-")]
	shell_command(array.slice(words, 1, count(words)))
}

command_words(argv) := array.slice(argv, i + 1, count(argv)) if {
	i := min({i | some i, w in argv; lib.base(w) == "chroot"})
}

shell_command([])

shell_command(words) if lib.base(words[0]) in lib.shells
