# METADATA
# title: Words that behaviour rules share
# description: >-
#   Questions about processes, connections and files of an observation
#   (input), and the evidence that a finding points to.
package sallyport.lib

# There are a hundred rules, and an observation holds thousands of processes and
# a hundred thousand events. So a rule begins with the few things that it is
# about, by an index, and looks at each at most once:
#
#   processes   going_by(names) and programs by what they go by, drifting and
#               drifting_scripts by where they come from; said holds all
#               arguments of all processes, to be asked before each is looked at
#   events      by kind in input.events; written holds all paths that were opened
#               for writing, to be asked before each event is looked at
#   connections contacts, a process' flows and requests
#
# Rules that make an object from data (index[key] contains …) are evaluated again
# for each key that is asked for; make the object in one comprehension.

names_in(list) := {name | some name in list.names}

shells := names_in(data.lists.shells)

interpreters := names_in(data.lists.interpreters) | shells

# loaded is the processes that loaded a program themselves, without ours.
loaded := [p |
	some p in input.processes
	not p.forked
	not p.probe
]

# programs is the IDs of loaded processes, as an object, by each name that they go by.
programs := object.union_n([{name: {p.id: true}} |
	some p in loaded
	some name in p.names
])

# going_by is the IDs of loaded processes that go by one of a set of names.
going_by(names) := {id |
	some name in names
	some id, _ in programs[name]
}

# drifting is the loaded processes whose program did not come with the image.
drifting := [p | some p in loaded; p.drift]

# drifting_scripts is those that run a script which did not.
drifting_scripts := [p | some p in loaded; p.script_drift]

# said is the arguments of all loaded processes, a process a line.
said := concat("\n", [command_line(p) | some p in loaded])

# saying is the loaded processes whose arguments, in small letters, hold one of the words.
saying(words) := [p |
	present := {word | some word in words; contains(heard, word)}
	count(present) > 0
	some p in loaded
	says(lower(command_line(p)), present)
]

says(line, words) if {
	some word in words
	contains(line, word)
}

heard := lower(said)

command_line(p) := concat(" ", p.argv)

# written is the paths that were opened for writing, each between line ends.
written := sprintf("\n%s\n", [concat("\n", [e.path | some e in input.events.write])])

# shell_ids is the processes that read commands of the shell language.
shell_ids := going_by(shells)

# interpreter_ids is the processes that run what they are given as text, in any language.
interpreter_ids := going_by(interpreters)

# outside is how far away an address is that is neither the guest's own nor on
# its link only.
outside := {"private", "public"}

# outgoing is the flows that the guest opened to somewhere outside.
outgoing := [flow |
	some flow in input.network.flows
	flow.scope in outside
	not flow.inbound
	not flow.probe
]

# flows_of is the outgoing flows of a process.
flows_of(p) := [flow |
	some i in p.flows
	flow := input.network.flows[i]
	flow.scope in outside
	not flow.inbound
	not flow.probe
]

# requests is what the guest asked over HTTP, not what we asked it.
requests := [http |
	some http in input.network.http
	http.scope in outside
	not http.inbound
]

requests_of(p) := [http |
	some i in p.http
	http := input.network.http[i]
	http.scope in outside
	not http.inbound
]

# app_flows is the flows of one protocol to somewhere outside, by lineage.
app_flows(app) := {id: [input.network.flows[i] | some i in list] | some id, list in input.network.apps[app]}

# names_under is who asked for, or used, a name in one of these domains.
names_under(domains) := {n |
	some domain in domains
	some n in input.network.domains[domain]
}

# told_at_start: the image's own configuration holds this text, as a whole word.
told_at_start(text) if {
	count(text) > 2
	contains(configuration, text)
}

configuration := concat(" ", array.concat(input.image.env, array.concat(input.image.entrypoint, input.image.cmd)))

# drifted: the process with this ID runs what did not come with the image.
drifted(id) if input.processes[id].drift

drifted(id) if input.processes[id].script_drift

# goes_by: one of the names of the process with this ID, or of its script, is in set.
goes_by(id, set) if {
	some name in input.processes[id].names
	name in set
}

goes_by(id, set) if base(input.processes[id].script) in set

# obeying is the programs that were started soon after a message on the flow had
# named them, word by word, in the same lineage.
obeying(flow) := [p |
	some m in flow.messages
	not m.out
	m.type == "order"
	some p in loaded
	p.start_ms >= m.ms
	p.start_ms <= m.ms + 10000
	last := trim_space(p.argv[count(p.argv) - 1])
	count(last) >= 6
	contains(m.fields.text, last)
	p.lineage_id == lineage(flow.process)
]

# raw_sockets is the sockets by which packets of the program's own making leave,
# or everybody's packets are read: SOCK_RAW of IP, and AF_PACKET.
raw_sockets := [e |
	some e in input.events.socket
	not e.probe
	raw_socket(e.args)
]

raw_socket(args) if args[0] == 17

raw_socket(args) if {
	args[0] in {2, 10}
	bits.and(args[1], 15) == 3
}

# base is the last part of a path.
base(path) := regex.replace(path, `^.*/`, "")

# under: name is one of the domains in set, or below one.
under(name, set) if {
	labels := split(name, ".")
	some i, _ in labels
	concat(".", array.slice(labels, i, count(labels))) in set
}

# lines is what was said on a flow, line by line. An observation writes bytes
# that are not printable ASCII as \xNN.
lines(text) := [trim(line, " \r") |
	some line in split(replace(replace(text, `\x0a`, "\n"), `\x0d`, ""), "\n")
]

# masquerades: p poses as a thread of the kernel.
masquerades(p) if regex.match(`^\[[^\]]+\]$`, p.argv[0])

# lineage is the name of everything that belongs to the process with this ID.
lineage(id) := input.processes[id].lineage_id if input.processes[id]

else := ""

# program is what people call the process with this ID.
program(id) := base(input.processes[id].exe) if input.processes[id]

else := "a program"

# Evidence. Each points at an event of the run; the report adds the process.

process_evidence(p, detail) := {
	"type": "process",
	"event": p.event,
	"ms": p.start_ms,
	"process": p.id,
	"detail": detail,
}

file_evidence(e, detail) := {
	"type": "file",
	"event": e.seq,
	"ms": e.ms,
	"process": e.process,
	"path": e.path,
	"detail": detail,
}

call_evidence(e, detail) := object.union(
	object.filter(e, {"path"}),
	{"type": "syscall", "event": e.seq, "ms": e.ms, "process": e.process, "detail": detail},
)

contact_evidence(c, ip, port, detail) := {
	"type": "network",
	"event": c.event,
	"ms": c.ms,
	"process": c.process,
	"dst": address(ip, port),
	"detail": detail,
}

flow_evidence(f, text, detail) := {
	"type": "network",
	"event": f.event,
	"ms": f.first_ms,
	"process": f.process,
	"dst": address(f.dst_ip, f.dst_port),
	"domain": f.domain,
	"data": text,
	"detail": detail,
}

http_evidence(h, detail) := {
	"type": "http",
	"event": h.event,
	"ms": h.ms,
	"process": h.process,
	"dst": address(h.ip, h.port),
	"domain": h.host,
	"data": sprintf("%s %s", [h.method, h.path]),
	"detail": detail,
}

dns_evidence(q, detail) := {
	"type": "dns",
	"event": q.event,
	"ms": q.ms,
	"process": q.process,
	"domain": q.name,
	"detail": detail,
}

name_evidence(n, detail) := {
	"type": "dns",
	"event": n.event,
	"ms": n.ms,
	"process": n.process,
	"domain": n.name,
	"detail": detail,
}

traffic_evidence(t, detail) := {
	"type": "network",
	"event": t.event,
	"ms": t.first_ms,
	"process": t.process,
	"dst": address(t.ip, t.port),
	"domain": t.domain,
	"detail": detail,
}

address(ip, port) := sprintf("[%s]:%d", [ip, port]) if contains(ip, ":")

else := sprintf("%s:%d", [ip, port])

# sweeps is the searches over many addresses: in one lineage, on one port, at
# least 30 within a minute that no answer to a question had named.
sweeps := [{"lineage": id, "port": to_number(port), "addresses": {ip | some ip, _ in found}, "contacts": found} |
	some id, ports in input.network.contacts
	some port, contacts in ports
	found := {ip: c | some ip, c in contacts; not c.named}
	within(sort([c.ms | some c in found]), 30, 60000)
]

# within: n of the sorted times lie within a span of so many milliseconds.
within(times, n, span) if {
	some i, start in times
	times[(i + n) - 1] - start <= span
}

# first takes at most n of a set of evidence, the earliest.
first(n, set) := array.slice([e | some [_, _, e] in sort([[e.ms, e.event, e] | some e in set])], 0, n)

# because lists reasons for a message.
because(reasons) := sprintf(": %s", [concat(", ", sort(reasons))]) if count(reasons) > 0

else := ""

# command is a process' arguments as one line.
command(p) := substring(concat(" ", p.argv), 0, 200)
