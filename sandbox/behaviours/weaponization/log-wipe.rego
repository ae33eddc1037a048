# METADATA
# title: Logs or histories destroyed
# description: >-
#   A program emptied or removed records of who logged in, what the system
#   logged, or what was typed into a shell.
# custom:
#   severity: medium
#   group: cleanup
#   attack_version: "18"
#   attack:
#     - {id: T1070.002, name: Clear Linux or Mac System Logs, tactic: Defense Evasion}
#     - {id: T1070.003, name: Clear Command History, tactic: Defense Evasion}
#   remediation: >-
#     Find out what the image wants to keep secret. Logs that are to be small are
#     rotated.
package sallyport.behaviours.weaponization["log-wipe"]

import data.sallyport.lib

# Two kinds of records at once are no housekeeping.
finding contains {
	"message": sprintf("destroyed: %s", [concat(", ", sort(kinds))]),
	"severity": severity(kinds),
	"confidence": 80,
	"lineage": id,
	"evidence": lib.first(8, {w.evidence | some w in found}),
} if {
	some id in {w.lineage | some w in wipes}
	found := [w | some w in wipes; w.lineage == id]
	kinds := {w.kind | some w in found}
}

severity(kinds) := "high" if count(kinds) >= 2

else := "medium"

kind_of(path) := "records of logins" if regex.match(`/(wtmp|btmp|utmp|lastlog|faillog|tallylog)$`, path)

else := "logs of the system" if regex.match("^(/host[^/]*|/mnt(/[^/]+)?)?/var/log/(auth\\.log|secure|messages|syslog|kern\\.log|cron|maillog|audit/audit\\.log|daemon\\.log|journal/.*)$", path)

else := "history of commands" if regex.match("/\\.[a-z]+_history$", path)

# Emptied: O_TRUNC, but for a file that is only begun.
wipes contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.file_evidence(e, "emptied")} if {
	some t in lib.touched
	t.kind == "write"
	e := t.event
	bits.and(object.get(e, "flags", 0), 512) != 0
	kind := kind_of(t.path)
	p := lib.process(e)
	not lib.packaged(p.id)
}

# Another file takes the place: lines were left out.
wipes contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.touched_evidence(t)} if {
	some t in lib.touched
	t.kind == "rename"
	kind := kind_of(t.path)
	p := lib.process(t.event)
	not lib.packaged(p.id)
}

wipes contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.file_evidence(e, how)} if {
	some call, how in {"unlink": "removed", "truncate": "cut off"}
	some e in input.events[call]
	kind := kind_of(e.path)
	p := lib.process(e)
	not lib.packaged(p.id)
}

# Linked to nowhere: nothing is kept from now on.
wipes contains {"kind": kind, "lineage": p.lineage_id, "evidence": lib.file_evidence(e, "linked to /dev/null")} if {
	some e in input.events.symlink
	e.target == "/dev/null"
	kind := kind_of(e.path)
	p := lib.process(e)
	not lib.packaged(p.id)
}

wipes contains {"kind": "history of commands", "lineage": p.lineage_id, "evidence": lib.process_evidence(p, lib.command(p))} if {
	some id in lib.shell_ids
	p := input.processes[id]
	some text in array.slice(p.argv, 1, 4)
	regex.match(`\b(unset\s+HISTFILE|HISTFILE=(/dev/null|["']{2}|;|\s)|HISTSIZE=0|HISTFILESIZE=0|history\s+-c|set\s+\+o\s+history)`, text)
}
