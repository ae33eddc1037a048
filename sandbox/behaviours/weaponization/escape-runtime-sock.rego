# METADATA
# title: Socket of the container runtime used
# description: >-
#   A program called the container runtime of the host over its socket. Whoever
#   may speak there can start a container that holds the host.
# custom:
#   severity: medium
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1610, name: Deploy Container, tactic: Execution}
#     - {id: T1552.007, name: Container API, tactic: Credential Access}
#   remediation: >-
#     Do not mount the runtime's socket into this container, or put a proxy in
#     front of it that lets only reading through.
package sallyport.behaviours.weaponization["escape-runtime-sock"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s calls the container runtime at %s", [lib.base(p.exe), e.remote.path]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("connect to %s", [e.remote.path]))],
} if {
	some e in calls
	p := lib.process(e)
}

# What is asked for tells what it is about: a container with the whole host in it.
finding contains {
	"message": sprintf("%s asks the container runtime for a container that holds the host", [lib.base(p.exe)]),
	"malicious": true,
	"severity": "critical",
	"confidence": 94,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"docker", "podman", "nerdctl", "ctr", "crictl", "curl", "wget"})
	asks(p)
}

# An engine that answers is asked for it in its own words.
finding contains {
	"message": sprintf("%s asks the container runtime for %s", [lib.program(flow.process), wish]),
	"malicious": true,
	"severity": "critical",
	"confidence": 96,
	"lineage": lib.lineage(flow.process),
	"evidence": [lib.flow_evidence(flow, concat(" ", [m.type, object.get(m.fields, "image", ""), object.get(m.fields, "cmd", "")]), sprintf("over %s: %s", [flow.socket, wish]))],
} if {
	some flow in relayed
	some m in flow.messages
	m.type == "POST containers/create"
	some wish in wishes(m.fields)
}

# relayed is the connections to an engine's socket that were answered.
relayed := [flow |
	some flow in input.network.flows
	object.get(flow, "socket", "") != ""
	flow.app == "docker"
]

wishes(fields) := ({"a container with all rights" | fields.privileged == "true"} | {"a container with the host's disk" | regex.match(`(^| )/(etc|root|home|var(/lib(/kubelet|/docker)?)?)?(:| |$)`, fields.binds)}) | {"a container among the host's processes" | fields.pid == "host"}

calls := [e |
	some e in input.events.connect
	e.remote.family == "unix"
	lib.base(e.remote.path) in lib.names_in(data.lists.runtime_sockets)
	not e.remote.path in own
]

# own is the sockets that the image itself serves, such as docker:dind.
own := {e.local.path |
	some kind in ["bind", "listen"]
	some e in input.events[kind]
	e.local.family == "unix"
	object.get(e, "errno", 0) == 0
}

# A client with its own engine, or one at another place, does not go for the host.
asks(p) if {
	some name in ({"docker", "podman", "nerdctl", "ctr"} & {n | some n in p.names})
	name != ""
	some verb in ({"run", "create", "exec"} & {a | some a in p.argv})
	verb != ""
	count(own) == 0
	not remote(p)
	some argument in p.argv
	regex.match(`^(--privileged(=true)?|--pid=host|(-v=?|--volume=)?/:/[^ ]*|--mount=?.*(source|src)=/,.*)$`, argument)
}

asks(p) if {
	some argument in p.argv
	regex.match(`/(containers/(create|[^/]+/exec)|exec/[^/]+/start)\b`, argument)
	some socket in p.argv
	some name in lib.names_in(data.lists.runtime_sockets)
	contains(socket, name)
	command := concat(" ", p.argv)
	regex.match(`"Privileged"\s*:\s*true|"Binds"\s*:\s*\[\s*"/:|"PidMode"\s*:\s*"host"|"Source"\s*:\s*"/"`, command)
}

remote(p) if {
	some argument in p.argv
	regex.match(`^(-H|--host)(=|$)|^tcp://|^ssh://`, argument)
}
