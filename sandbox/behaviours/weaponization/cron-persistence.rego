# METADATA
# title: Scheduled task written
# description: >-
#   A program wrote a timetable of cron, or gave one to crontab. Images that run
#   cron do so; a task that downloads, decodes or hides what it runs is how
#   intruders come back.
# custom:
#   severity: medium
#   group: persist
#   attack_version: "18"
#   attack:
#     - {id: T1053.003, name: Cron, tactic: Persistence}
#   remediation: >-
#     Put the timetable into the image at build time, and what it runs too.
package sallyport.behaviours.weaponization["cron-persistence"]

import data.sallyport.lib

place := `^(/host[^/]*|/mnt(/[^/]+)?|/rootfs)?(/etc/(crontab$|anacrontab$|cron\.(d|hourly|daily|weekly|monthly)/|crontabs/)|/var/spool/(cron|anacron)/)`

finding contains {
	"message": sprintf("%s %s %s%s", [lib.base(p.exe), t.how, t.path, lib.because(reasons)]),
	"malicious": lib.harmful(reasons),
	"severity": severity(reasons),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.touched_evidence(t), {"data": lib.text(t.path)})],
} if {
	some t in lib.touched
	regex.match(place, t.path)
	p := lib.process(t.event)
	not lib.packaged(p.id)
	reasons := lib.payload(tasks(t.path))
}

# The timetable went to crontab; where it keeps it is its own affair, and it may fail.
finding contains {
	"message": sprintf("%s sets a timetable%s", [lib.base(p.exe), lib.because(reasons)]),
	"malicious": lib.harmful(reasons),
	"severity": severity(reasons),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"crontab"})
	sets(p.argv)
	not lib.packaged(p.id)
	reasons := lib.payload(spoken(p))
}

# tasks is the lines of a timetable that tell what to run.
tasks(path) := concat("\n", [line |
	some line in lib.lines(lib.text(path))
	not startswith(line, "#")
])

sets(argv) if {
	every argument in argv {
		not regex.match(`^-[a-z]*[lre]`, argument)
	}
}

# spoken is what the shell above was told, if it put the timetable together
# itself: echo … | crontab -
spoken(p) := concat("\n", [q.argv[2] |
	q := input.processes[p.parent]
	q.argv[1] == "-c"
])

severity(reasons) := "critical" if lib.harmful(reasons)

else := "high" if count(reasons) > 0

else := "medium"
