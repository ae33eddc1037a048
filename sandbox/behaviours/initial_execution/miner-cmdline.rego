# METADATA
# title: Program started with a miner's arguments
# description: >-
#   A program was started with arguments that only cryptocurrency miners take:
#   the address of a mining pool, a wallet to pay to, a proof-of-work algorithm.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.001, name: Compute Hijacking, tactic: Impact}
#   remediation: >-
#     Do not run this image. Find the layer that brings the miner, and rebuild
#     without it.
package sallyport.behaviours.initial_execution["miner-cmdline"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is started as a miner: %s", [lib.base(p.exe), concat(", ", sort(reasons))]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, concat("; ", sort(reasons))), {"data": lib.command(p)})],
} if {
	some p in lib.saying(gate)
	not handles_text(p)
	not serves(p)
	reasons := reasons_of(p)
	count(reasons) > 0
}

# What was to be fetched is not there: the miner does not start.
finding contains {
	"message": sprintf("%s is to be started as a miner: %s", [lib.base(p.exe), concat(", ", sort(reasons))]),
	"malicious": true,
	"confidence": 93,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, concat("; ", sort(reasons))), {"data": lib.command(p)})],
} if {
	some p in attempted
	lib.says(lower(lib.command_line(p)), gate)
	not handles_text(p)
	reasons := reasons_of(p)
	count(reasons) > 0
}

# attempted is the programs that could not be started, as if they had been. One
# that was looked for in many folders counts once.
attempted := [object.union(p, {"id": "", "exe": e.exec.path, "argv": e.exec.argv, "names": [lib.base(e.exec.path)], "event": e.seq, "start_ms": e.ms}) |
	tries := array.slice(object.get(input.events, "exec_try", []), 0, 1000)
	some i, e in tries
	count(e.exec.argv) > 1
	not again(tries, i)
	p := lib.process(e)
]

again(tries, i) if {
	i > 0
	tries[i].process == tries[i - 1].process
	tries[i].exec.argv == tries[i - 1].exec.argv
}

# gate is what at least one of must be there; the rest is asked only then.
gate := {"://", "--donate-level", "--algo", "--coin", "-o ", "-u ", "--user", "--pool", "--url"}

reasons_of(p) := {"the address of a mining pool"} | {r | some r in others(p)} if dials_pool(p)

else := others(p)

others(p) := {"a pool and a wallet"} if {
	pool(p)
	wallet(p)
} else := {"options of miners"} if {
	options := {option |
		some argument in p.argv
		option := split(argument, "=")[0]
		option in known
	}
	some telling in options
	telling in {t | some t in data.lists.miner_words.telling}
	(count(options) + count({1 | pool(p)})) + count({1 | algorithm(p)}) > 1
} else := {"a proof-of-work algorithm and a pool"} if {
	algorithm(p)
	pool(p)
} else := set()

known := {o | some o in data.lists.miner_words.options}

# The address stands where an option's value stands, not within a text.
dials_pool(p) if {
	some argument in p.argv
	count(argument) < 300
	scheme := regex.find_all_string_submatch_n(`^(?:-o|-?-[a-zA-Z-]+=)?['"]?([a-zA-Z0-9+]+)://[^\s,;]+$`, argument, 1)[0][1]
	lower(scheme) in {s | some s in data.lists.miner_words.schemes}
}

pool(p) if {
	some i, argument in p.argv
	argument in {"-o", "--url", "--pool", "-pool", "--server", "-P"}
	regex.match(`^([a-z0-9+]+://)?[A-Za-z0-9.-]+:[0-9]{2,5}$`, p.argv[i + 1])
}

pool(p) if {
	some argument in p.argv
	regex.match(`^--?(url|pool|server|o)=([a-z0-9+]+://)?[A-Za-z0-9.-]+:[0-9]{2,5}$`, argument)
}

wallet(p) if {
	some i, argument in p.argv
	argument in {"-u", "--user", "--wallet", "-wal", "-w"}
	is_wallet(p.argv[i + 1])
}

wallet(p) if {
	some argument in p.argv
	some value in regex.find_all_string_submatch_n(`^--?(?:user|wallet|wal|u)=(.*)$`, argument, 1)[0]
	is_wallet(value)
}

# is_wallet: an address of Monero, Ethereum or Bitcoin, or of a coin with addresses
# of that length; perhaps with the name of a worker.
is_wallet(text) if regex.match(`^([48][0-9A-HJ-NP-Za-km-z]{94}([0-9A-HJ-NP-Za-km-z]{11})?|0x[0-9a-fA-F]{40}|(bc1|ltc1|kaspa:|ergo:)?[0-9A-Za-z]{26,64})([.+/][\w.+-]*)?$`, text)

algorithm(p) if {
	some i, argument in p.argv
	argument in {"-a", "--algo", "-algo", "--coin"}
	lower(p.argv[i + 1]) in algorithms
}

algorithm(p) if {
	some argument in p.argv
	some value in regex.find_all_string_submatch_n(`^--?(?:algo|coin|a)=(.*)$`, argument, 1)[0]
	lower(value) in algorithms
}

algorithms := {a | some a in data.lists.miner_words.algorithms} | {"monero", "raven", "ravencoin", "zephyr", "etc", "kaspa", "ergo"}

# What such a tool is given is a pattern or a text. A shell only says it: the
# program that it starts is there itself.
handles_text(p) if {
	some name in p.names
	name in lib.names_in(data.lists.text_tools)
}

handles_text(p) if p.id in lib.shell_ids

# A pool listens, and calls nobody.
serves(p) if {
	some e in input.events.listen
	e.process == p.id
	not lib.dials(p.id)
}
