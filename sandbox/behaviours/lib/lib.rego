# METADATA
# title: Words that behaviour rules share
# description: >-
#   Questions about processes, connections and files of an observation
#   (input), and the evidence that a finding points to.
package sallyport.lib

names_in(list) := {name | some name in list.names}

shells := names_in(data.lists.shells)

interpreters := names_in(data.lists.interpreters)

# base is the last part of a path.
base(path) := regex.replace(path, `^.*/`, "")

# family is a program's name without folder, login dash and version:
# "-bash" is bash, "/usr/bin/python3.11" is python.
family(path) := trim_right(trim_left(base(path), "-"), "0123456789.-")

# called is the names by which a process goes: those of its file, of argv[0],
# and of the applet when one program is many, as BusyBox is.
called(p) := {name |
	some path in array.concat([p.exe], array.slice(p.argv, 0, words(p)))
	some name in {trim_left(base(path), "-"), family(path)}
}

words(p) := 2 if base(p.argv[0]) in {"busybox", "toybox"}

else := 1

# is_shell: p reads commands of the shell language.
is_shell(p) if {
	not p.forked
	count(called(p) & shells) > 0
}

# is_interpreter: p runs code that it is given as text, in any language.
is_interpreter(p) if is_shell(p)

is_interpreter(p) if {
	not p.forked
	count(called(p) & interpreters) > 0
}

# ours tells what we put into the sandbox ourselves from what the image did.
ours(p) if p.probe

# family_line is the IDs of p and of everything above it.
family_line(p) := {p.id} | {id | some id in p.lineage}

# outside tells that an endpoint, flow or request is neither in the guest
# itself nor on its link only.
outside(x) if x.scope in {"private", "public"}

# outgoing holds the flows that the guest opened to somewhere outside.
outgoing contains flow if {
	some flow in input.network.flows
	not flow.inbound
	not flow.probe
	outside(flow)
}

flows_of[flow.process] contains flow if {
	some flow in outgoing
	flow.process != ""
}

flow_by_id[flow.id] := flow if some flow in outgoing

# connects_to holds the attempts to connect by address and port of the other end.
connects_to[address(e.remote.ip, e.remote.port)] contains e if {
	some e in input.events.connect
	outside(e.remote)
}

# requests holds what the guest asked over HTTP, not what we asked it.
requests contains http if {
	some http in input.network.http
	not http.inbound
	outside(http)
}

requests_of[http.process] contains http if {
	some http in requests
	http.process != ""
}

# is_address: text is an IP address, not a name.
is_address(text) if net.cidr_is_valid(sprintf("%s/32", [text]))

is_address(text) if {
	bare := trim(text, "[]")
	contains(bare, ":")
	net.cidr_is_valid(sprintf("%s/128", [bare]))
}

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

connect_evidence(e, detail) := {
	"type": "network",
	"event": e.seq,
	"ms": e.ms,
	"process": e.process,
	"dst": address(e.remote.ip, e.remote.port),
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

address(ip, port) := sprintf("[%s]:%d", [ip, port]) if contains(ip, ":")

else := sprintf("%s:%d", [ip, port])

# earliest is the first of a set of events.
earliest(events) := e if {
	seq := min({e.seq | some e in events})
	some e in events
	e.seq == seq
}

# sweeps holds the searches over many addresses: in one lineage, on one port,
# at least 30 within a minute that no answer to a question had named.
sweeps contains {"lineage": id, "port": port, "addresses": object.keys(found)} if {
	some id, ports in attempted
	some port, found in ports
	count(found) >= 30
	times := sort([min(ms) | some ms in found])
	some i, start in times
	times[i + 29] - start <= 60000
}

attempted[lineage(e.process)][e.remote.port][e.remote.ip] contains e.ms if {
	some e in input.events.connect
	e.remote.proto == "tcp"
	outside(e.remote)
	not e.probe
	not e.remote.ip in named
}

# named is every address that an answer to a question gave.
named := {ip |
	some question in input.network.dns
	some ip in question.answers
}

# first takes at most n of a set of evidence, the earliest.
first(n, set) := array.slice([e | some [_, _, e] in sort([[e.ms, e.event, e] | some e in set])], 0, n)

# command is a process' arguments as one line.
command(p) := substring(concat(" ", p.argv), 0, 200)
