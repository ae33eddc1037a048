# METADATA
# title: Long wait before acting
# description: >-
#   The program slept for most of the time that it was watched. Pollers and
#   timers do so; so does what waits until nobody looks any more.
# custom:
#   severity: info
#   group: evade
#   attack_version: "18"
#   attack:
#     - {id: T1497.003, name: Time Based Checks, tactic: Defense Evasion}
#   remediation: >-
#     Analyse the image for a longer time, or let the sandbox skip its waits.
package sallyport.behaviours.weaponization["time-bomb"]

import data.sallyport.lib

# Half a minute is the least that is worth a word.
least := 30000

finding contains {
	"message": sprintf("%s waits for %s%s", [lib.base(p.exe), waited.words, lib.because(acts)]),
	"severity": severity(acts),
	"confidence": 60,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"sleep", "usleep"})
	waited := wait(p)
	waited.ms >= least
	waited.ms * 2 > input.run.duration_ns / 1000000
	acts := then(p)
}

# Who slept otherwise, until its clock jumped, and then went on the network.
finding contains {
	"message": sprintf("%s waits for %d s%s", [lib.base(p.exe), floor(jump.args[0] / 1000000000), lib.because(acts)]),
	"severity": "medium",
	"confidence": 60,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	count(sleepers) == 0
	some jump in input.events.clock_jump
	jump.name != "ordered"
	jump.args[0] / 1000000 >= least
	p := input.processes[jump.process]
	after := jump.ms + (jump.args[0] / 1000000)
	acts := {"and then it goes on the network" |
		some flow in lib.outgoing
		flow.first_ms >= after
		lib.lineage(flow.process) == p.lineage_id
		not online(p.lineage_id, jump.ms)
	}
	count(acts) > 0
}

# online: the lineage was on the network before a time.
online(lineage, ms) if {
	some flow in lib.outgoing
	flow.first_ms < ms
	lib.lineage(flow.process) == lineage
}

# What the sensor measured, whoever slept: more than the time that an image is
# watched for. Servers look around once a minute or two. How far a run came that
# was ended because it was proved malicious is chance.
finding contains {
	"message": sprintf("the longest wait is %d s", [floor(input.run.longest_sleep_ns / 1000000000)]),
	"severity": "info",
	"confidence": 60,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, "of this process or those that it started")],
} if {
	input.run.longest_sleep_ns / 1000000 >= 180000
	input.run.longest_sleep_ns * 2 > input.run.duration_ns
	object.get(input.run, "ended_early", "") != "what it had done by then is proof enough"
	p := input.processes["1.0"]
	count(sleepers) == 0
}

sleepers := [p |
	some p in lib.run({"sleep", "usleep"})
	wait(p).ms >= least
]

# wait is how long sleep was told to wait; "sleep infinity" only keeps a container alive.
wait(p) := {"ms": amount * unit[found[2]], "words": sprintf("%s %s", [found[1], object.get({"": "s"}, found[2], found[2])])} if {
	some argument in array.slice(p.argv, 1, 4)
	found := regex.find_all_string_submatch_n(`^([0-9]{1,9})([smhd]?)$`, argument, 1)[0]
	amount := to_number(found[1])
}

unit := {"": 1000, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}

# then is what the same lineage did when a wait had been skipped, or was over.
then(p) := {"and then it goes on the network" |
	p.end_ms > 0
	some flow in lib.outgoing
	flow.first_ms >= p.end_ms
	lib.lineage(flow.process) == p.lineage_id
	not before(p)
}

# before: who was on the network all the time did not wait for anything.
before(p) if {
	some flow in lib.outgoing
	flow.first_ms < p.start_ms
	lib.lineage(flow.process) == p.lineage_id
}

severity(acts) := "medium" if count(acts) > 0

else := "info"
