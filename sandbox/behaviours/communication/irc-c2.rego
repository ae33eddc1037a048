# METADATA
# title: IRC bot
# description: >-
#   A program that is no known IRC client registered with an IRC server. Botnets
#   give their commands in IRC channels; a command that was run is proof.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1071, name: Application Layer Protocol, tactic: Command and Control}
#   remediation: >-
#     Do not run this image. An honest chat client is one that a distribution
#     packages.
package sallyport.behaviours.communication["irc-c2"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s joins IRC at %s%s", [lib.program(flow.process), lib.address(flow.dst_ip, flow.dst_port), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 90,
	"lineage": lib.lineage(flow.process),
	"evidence": array.concat(
		[lib.flow_evidence(flow, flow.out, "registers: NICK and USER")],
		executed(flow),
	),
} if {
	some flow in lib.outgoing
	registers(flow)
	not known_client(flow)
	reasons := proof(flow)
}

# registers: RFC 2812 §3.1, on whatever port, but not as words in a web request.
registers(flow) if {
	flow.proto == "tcp"
	flow.app != "http"
	commands := spoken(flow)
	"NICK" in commands
	"USER" in commands
}

spoken(flow) := {upper(split(line, " ")[0]) | some line in lib.lines(flow.out)} | understood(flow)

understood(flow) := {upper(m.type) |
	flow.app == "irc"
	some m in flow.messages
	m.out
}

# known_client: a client of a distribution, unchanged from the image.
known_client(flow) if {
	p := input.processes[flow.process]
	not p.drift
	some name in array.concat(p.names, scripts(p))
	name in lib.names_in(data.lists.irc_clients)
}

scripts(p) := [lib.base(p.script) | not p.script_drift]

proof(flow) := union({new_program(flow), posing(flow), obeying(flow)})

new_program(flow) := {"the program did not come with the image" | drifted(input.processes[flow.process])}

drifted(p) if p.drift

drifted(p) if p.script_drift

posing(flow) := {"it poses as a thread of the kernel" | lib.masquerades(input.processes[flow.process])}

obeying(flow) := {"it runs what the channel says" | count(executed(flow)) > 0}

# executed is the programs that were started after a message in the channel
# had named them, word by word.
executed(flow) := array.slice(
	[lib.process_evidence(p, sprintf("told so in the channel: %s", [substring(said, 0, 200)])) |
		some heard in orders(flow)
		said := heard.text
		some p in started(input.processes[flow.process])
		p.start_ms >= heard.ms
		p.start_ms <= heard.ms + 10000
		ordered(p, said)
	],
	0, 3,
)

# started is what a process started; a fork may stand between the two.
started(bot) := array.concat(
	[p |
		some id in bot.children
		p := input.processes[id]
		not p.forked
	],
	[p |
		some fork in bot.children
		input.processes[fork].forked
		some id in input.processes[fork].children
		p := input.processes[id]
	],
)

ordered(p, said) if {
	last := trim_space(p.argv[count(p.argv) - 1])
	count(last) >= 2
	contains(said, last)
}

# orders is what others said: as the responder understood it, or as it stands on the line.
orders(flow) := [{"ms": m.ms, "text": concat(" ", [v | some v in m.fields])} |
	some m in flow.messages
	not m.out
	upper(m.type) in {"PRIVMSG", "NOTICE", "332", "TOPIC"}
]
