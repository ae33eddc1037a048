# METADATA
# title: Listens to packets without a port
# description: >-
#   A program reads packets past the network stack, and lets the kernel pick
#   some for it. A back door waits so for a secret knock, where no port shows.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1205.002, name: Socket Filters, tactic: Command and Control}
#   remediation: >-
#     Do not run this image. Drop the capability NET_RAW from containers.
package sallyport.behaviours.communication["raw-listener"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads packets with a filter of its own%s", [lib.program(e.process), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 88,
	"lineage": lib.lineage(e.process),
	"evidence": [
		lib.call_evidence(e, "opens a socket that reads everybody's packets"),
		lib.call_evidence(filter, sprintf("attaches a filter (%s)", [filter.name])),
	],
} if {
	some id, e in readers
	filter := filters[id]
	not known(id)
	reasons := {"it has no port of its own" | not id in listening}
}

# readers is the first socket of each process.
readers := {id: first |
	some id in {e.process | some e in lib.raw_sockets}
	first := [e | some e in lib.raw_sockets; e.process == id][0]
}

filters := {id: first |
	some id, _ in readers
	first := [e |
		some e in input.events.sockopt
		e.process == id
		e.name in {"SO_ATTACH_FILTER", "SO_ATTACH_BPF"}
	][0]
}

listening := {e.process | some e in input.events.listen}

# known: a program whose work it is, unchanged from the image.
known(id) if {
	not lib.drifted(id)
	lib.goes_by(id, lib.names_in(data.lists.packet_readers))
}
