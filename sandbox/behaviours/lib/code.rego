# How code reaches an interpreter: as a file, an argument, or through a pipe.
package sallyport.lib

# reads_code: what comes in on p's input is its code, not its data.
reads_code(p) if {
	p.script == ""
	not inline(p.id, p.argv)
}

reads_code(p) if p.script in {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}

# inline: the code is an argument, so the input is data.
inline(id, argv) if {
	id in shell_ids
	some argument in array.slice(argv, 1, 6)
	regex.match(`^-[a-zA-Z]*c`, argument)
}

inline(id, argv) if {
	not id in shell_ids
	some argument in array.slice(argv, 1, 6)
	regex.match(`^(-[a-zA-Z]*[ceErmp]|--eval)`, argument)
}

# upstream is who writes into these processes' pipes, over any number of pipes.
upstream(ids) := [input.processes[id] |
	some id in graph.reachable(pipes, ids)
]

pipes := {id: p.pipe_from | some id, p in input.processes}

# below is a process and the interpreters that come from it.
below(p) := [input.processes[id] |
	some id in graph.reachable(children, {p.id})
	id in interpreter_ids
]

children := {id: p.children | some id, p in input.processes}

# descendants is the IDs of the process with this ID and of all that come from it.
descendants(id) := graph.reachable(children, {id})

# dialers is the IDs of the processes that tried to connect to somewhere outside.
dialers := {c.process |
	some _, ports in input.network.contacts
	some _, contacts in ports
	some _, c in contacts
}

# dials: a process, or one that comes from it, tried to connect to somewhere outside.
dials(id) if {
	count(dialers) > 0
	count(descendants(id) & dialers) > 0
}

# comes_from: the process, or one that it comes from, is one of ids.
comes_from(p, ids) if p.id in ids

comes_from(p, ids) if {
	some id in p.lineage
	id in ids
}

# compilers is the IDs of programs that make programs.
compilers := going_by(names_in(data.lists.compilers))

# drift_writes is the opens for writing of programs and scripts that ran and did
# not come with the image: by path and number.
drift_writes := object.union_n([{e.path: {sprintf("%d", [e.seq]): e}} |
	count(drift_paths) > 0
	some e in input.events.write
	e.path in drift_paths
])

drift_paths := {p.exe | some p in drifting} | {p.script | some p in drifting_scripts}

# writers is the IDs of the processes that opened such a path for writing.
writers(path) := {e.process | some _, e in drift_writes[path]}

# offside: a path at which no program is installed: hidden, or with a name that
# looks like none, where everybody may write or nobody looks.
offside(path) if {
	strings.any_prefix_match(path, ["/tmp/", "/var/tmp/", "/dev/", "/run/", "/usr/share/", "/usr/lib/", "/lib/", "/var/lib/", "/etc/", "/var/spool/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/bin/", "/sbin/", "/."])
	some part in split(path, "/")
	odd(part)
	not part in names_in(data.lists.hidden_dirs)
	not startswith(part, ".mount_")
}

odd(part) if {
	startswith(part, ".")
	not part in {".", ".."}
}

odd(part) if trim_space(part) != part

# shared_memory is where files live in memory only.
shared_memory(path) if strings.any_prefix_match(path, ["/dev/shm/", "/run/shm/", "/dev/mqueue/"])

# open_to_all: anybody may write there.
open_to_all(path) if strings.any_prefix_match(path, ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/dev/mqueue/", "/var/lock/", "/run/lock/"])

# served is the first request for each content that was served over HTTP, by SHA-256.
served := {sha: requests[i] |
	some sha, i in object.union_n([{requests[i].sha256: i} |
		some i in numbers.range(count(requests) - 1, 0)
		requests[i].sha256 != ""
		requests[i].status < 300
	])
}

# script_names is the IDs of processes, as an object, by the name of the script that
# they run, with and without its ending.
script_names := object.union_n([{name: {p.id: true}} |
	some p in loaded
	p.script != ""
	file := base(p.script)
	some name in {file, regex.replace(file, `\.(py|sh|pl|rb|js)$`, "")}
])

# sha of the script that p runs, when the guest wrote it.
script_sha(p) := p.script_sha256 if p.script_sha256

else := files[p.script].sha256 if files[p.script]

else := ""

# elf: what is known of p's program does not say that it is a script.
elf(p) if not kind_of(p) in {"script", "text"}

kind_of(p) := input.contents[p.sha256].type if input.contents[p.sha256]

else := files[p.exe].type if files[p.exe]

else := "elf"

# hidden_how is why a program is where, or called what, no program should be.
hidden_how(p) := union({
	{sprintf("lies at the hidden path %s", [p.exe]) | offside(p.exe)},
	{"lies in shared memory" | shared_memory(p.exe)},
	{"was executed from memory" | p.memfd},
	{"was removed before it ran" | p.deleted},
	{"poses as a thread of the kernel" | masquerades(p)},
})

# relayed holds each shell whose input and output are at another program, which
# may hold a connection, and by which means.
relayed contains [p, relay, "a pipe with a name"] if {
	count(fifos) > 0
	some id in interpreter_ids
	p := input.processes[id]
	reads_code(p)
	sources := array.concat([p], upstream(p.pipe_from))
	some relay in loaded
	not relay.id in interpreter_ids
	gives(p, relay)
	some source in sources
	gives(relay, source)
}

# nc host 1 | sh | nc host 2: two connections.
relayed contains [p, relay, "pipes from one connection and to another"] if {
	count(dialers) > 1
	some id in interpreter_ids
	p := input.processes[id]
	count(p.pipe_from) > 0
	reads_code(p)
	some source in upstream(p.pipe_from)
	may_relay(source)
	source.id in dialers
	some relay in loaded
	relay.id != source.id
	p.id in relay.pipe_from
	relay.id in dialers
	may_relay(relay)
}

relayed contains [p, relay, "a terminal of its own"] if {
	some [p, relay] in served_shells
	p.stdio[0].kind == "tty"
	p.stdio[1].kind == "tty"
}

relayed contains [p, relay, "a pair of sockets"] if {
	some [p, relay] in served_shells
	p.stdio[0].kind == "socket"
	p.stdio[1].kind == "socket"
	not p.stdio[0].remote.ip
}

relayed contains [p, relay, "two pipes"] if {
	some [p, relay] in served_shells
	p.stdio[0].kind == "pipe"
	p.stdio[1].kind == "pipe"
	p.stdio[0].peer.pid == relay.pid
	p.stdio[1].peer.pid == relay.pid
}

# shell: p reads commands of the shell language. A script that was executed by its
# name goes by that; its first line says what reads it.
shell(p) if {
	some name in p.names
	name in shells
}

shell(p) if regex.match(`^#!\s*\S*/(env\s+)?(ba|da|a|k|z)?sh\b`, input.contents[p.sha256].head)

# absolute is a path as a process means it.
absolute(_, path) := path if startswith(path, "/")

absolute(p, path) := regex.replace(concat("/", [p.cwd, trim_prefix(path, "./")]), `//+`, "/") if not startswith(path, "/")

# served_shells is shells without a script, with the program that started them,
# when that is one for passing on what comes in, or is not of the image.
served_shells contains [p, relay] if {
	some id in shell_ids
	p := input.processes[id]
	reads_code(p)
	relay := starter(p)
	may_relay(relay)
}

# starter is the program that started p: a copy of it is the same program.
starter(p) := up if {
	parent := input.processes[p.parent]
	not parent.forked
	up := parent
} else := input.processes[input.processes[p.parent].parent]

may_relay(p) if p.drift

may_relay(p) if {
	some name in p.names
	name in names_in(data.lists.relays)
}

# gives: what a puts out comes in at b, through a pipe with or without a name.
gives(a, b) if a.id in b.pipe_from

gives(a, b) if {
	some path in fifos
	a.stdio[1].path == path
	reads_fifo(b, path)
}

reads_fifo(p, path) if p.stdio[0].path == path

# An open that waits for the other end is told late, or never.
reads_fifo(p, path) if {
	some argument in p.argv
	path in {argument, concat("/", [p.cwd, argument])}
}

reads_fifo(p, path) if {
	some kind in ["open", "write"]
	some e in fifo_opens[kind]
	e.process == p.id
	e.path == path
}

# fifos is the pipes with a name that the guest made.
fifos := {e.path |
	some e in input.events.mknod
	bits.and(e.mode, 61440) == 4096
}

fifo_opens := {kind: [e | some e in input.events[kind]; e.path in fifos] |
	some kind in ["open", "write"]
	count(fifos) > 0
}
