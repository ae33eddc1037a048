# Changes to the system, and the tools that make them: one look at all writes
# and all processes for the rules about settings, start-up files, accounts, logs
# and administration. They ask what is here instead of looking at everything again.
package sallyport.lib

# system_places is where the files of the system, its users and its kernel lie.
system_places := [
	"/bin/", "/boot/", "/etc/", "/home/", "/host", "/lib", "/mnt/", "/proc/", "/root/", "/rootfs/", "/sbin/", "/sys/", "/usr/",
	"/var/log/", "/var/spool/", "/var/run/", "/run/", "/var/lib/cloud/",
]

# system_names is files that mean something wherever they lie.
system_names := ["/release_agent", "/notify_on_release", "/authorized_keys", "/authorized_keys2", ".pth", "_history", "/docker.sock", "/ld.so.preload"]

# opened is the paths that were opened for reading, and the links that led to
# them, each between line ends: to be asked before each event is looked at.
opened := sprintf("\n%s\n%s\n", [concat("\n", [e.path | some e in input.events.open]), concat("\n", [e.target | some e in input.events.open])])

# system_opens is the openings for reading of what belongs to the system.
system_opens := [e |
	some place in ["/proc/", "/sys/", "/dev/", "/run/", "/etc/", "/var/", "/.dockerenv", "/host", "/mnt/", "/rootfs/"]
	contains(opened, concat("", ["\n", place]))
	some e in input.events.open
	startswith(e.path, place)
]

# proc_opens is the openings below /proc, with each name that they were opened by.
proc_opens := [[e, path] |
	contains(opened, "\n/proc/")
	some e in input.events.open
	some field in ["path", "target"]
	path := e[field]
	startswith(path, "/proc/")
]

# touched is the attempts to change such a file, by whichever way.
touched := [{"event": e, "path": path, "kind": kind, "how": how[kind]} |
	touches_system
	some kind, field in {"write": "path", "rename": "target", "link": "path", "symlink": "path"}
	some e in input.events[kind]
	path := e[field]
	matters(kind, e, path)
	not e.probe
]

# touches_system: there is something to look at.
touches_system if {
	some place in system_places
	contains(written, concat("", ["\n", place]))
}

touches_system if {
	some name in system_names
	contains(written, concat("", [name, "\n"]))
}

touches_system if {
	some kind in ["rename", "link", "symlink"]
	count(input.events[kind]) > 0
}

touches_system if {
	some e in input.events.write
	startswith(e.target, "/proc/")
}

how := {"write": "opens for writing", "rename": "moves a file to", "link": "links a file to", "symlink": "makes a link of"}

matters(_, _, path) if of_system(path)

# A link below /proc leads to the file itself: how it was named tells more.
matters("write", e, path) if {
	not of_system(path)
	startswith(e.target, "/proc/")
}

of_system(path) if strings.any_prefix_match(path, system_places)

else if strings.any_suffix_match(path, system_names)

touched_evidence(t) := file_evidence(object.union(t.event, {"path": t.path}), t.how)

# files is what differs from the image, by path: as it was at the end, or as the
# last of what lay there and is gone.
files := {path: input.files[place[0]][place[1]] |
	some path, place in object.union_n(array.concat(
		[{f.path: ["created", i]} | some i, f in input.files.created; f.gone],
		array.concat(
			[{f.path: ["created", i]} | some i, f in input.files.created; not f.gone],
			[{f.path: ["modified", i]} | some i, f in input.files.modified],
		),
	))
}

modified := {f.path | some f in input.files.modified}

# text is what stands in a file at the end, as far as it was kept.
text(path) := object.get(object.get(files, path, {}), "head", "")

# run is the loaded processes that go by one of these names.
run(names) := [input.processes[id] | some id in going_by(names)]

# package_ids is the package managers of the image.
package_ids := {p.id |
	some p in run(object.keys(data.lists.package_managers.programs))
	not p.drift
} | {p.id |
	some p in loaded
	p.script != ""
	not p.script_drift
	data.lists.package_managers.programs[base(p.script)]
}

# packaged: the process with this ID is a package manager, or works for one.
packaged(id) if id in package_ids

packaged(id) if {
	count(package_ids) > 0
	some above in input.processes[id].lineage
	above in package_ids
}

# process of an event, unless it is ours.
process(e) := p if {
	p := input.processes[e.process]
	not p.probe
}

# foreign is the number of the process that a path below /proc belongs to,
# when that is not p itself.
foreign(path, p) := pid if {
	pid := to_number(regex.find_all_string_submatch_n(`^/proc/([0-9]{1,9})/`, path, 1)[0][1])
	pid != p.pid
}

# debugs: p is a program with which one looks into others on purpose.
debugs(p) if {
	not p.drift
	some name in p.names
	name in names_in(data.lists.debuggers)
}

# told is the texts by which p and whoever started it were told what to do:
# their arguments, and the scripts that they are or run.
told(p) := {text |
	some id in [p.id, p.parent]
	q := input.processes[id]
	some text in array.concat([concat(" ", q.argv)], script_texts(q))
}

script_texts(q) := [input.contents[sha].head |
	some sha in {q.sha256, object.get(q, "script_sha256", "")}
	input.contents[sha].type in {"script", "text"}
]

# payload is why a command has no place in a start-up file or a timetable.
payload(command) := union({
	{"downloads into an interpreter" | regex.match(`(curl|wget|fetch|lynx)\b[^\n;]*\|\s*(sudo\s+)?(/\S*/)?((ba|da|a|z|k)?sh\b|(python[0-9.]*|perl|php)\s*-?\s*($|[;&|>\n]))`, command)},
	{"downloads into an interpreter" | regex.match(`\b(ba|da|z|k)?sh\s+(-c\s+)?["']?(<\(|\$\(|\x60)\s*(curl|wget)`, command)},
	{"decodes what it runs" | regex.match(`(base64\s+(-d|-D|--decode)|xxd\s+-r|openssl\s+enc\s[^|\n]*-d|\brev\b)[^\n]*\|\s*(/\S*/)?(ba|da|a|z|k)?sh\b`, command)},
	{"decodes what it runs" | regex.match(`\beval\b[^\n]*base64|(exec|eval)\s*\([^\n]*(b64decode|fromhex|decompress)`, command)},
	{"opens a connection for a shell" | regex.match(`/dev/(tcp|udp)/[^\n]*(0>&1|0<&1|<&[0-9])|exec\s+[0-9]+<>\s*/dev/(tcp|udp)/|\b(nc|ncat|netcat)\s[^\n;]*-[a-z]*[ec]\s+\S*sh\b|mkfifo\s[^\n]*\b(nc|ncat|openssl)\b`, command)},
	{"calls an address without name" |
		some found in regex.find_all_string_submatch_n(`\b(?:curl|wget)\b[^\n]*https?://([0-9]{1,3}(?:\.[0-9]{1,3}){3})`, command, 20)
		not regex.match(`^(0|10|127|169\.254|172\.(1[6-9]|2[0-9]|3[01])|192\.168)\.`, found[1])
	},
	{"runs a hidden or temporary file" | regex.match(`(^|[\s;&|"'=])(/tmp/|/var/tmp/|/dev/shm/|(/[^\s/]+)*/\.[^\s/.][^\s/]*/)[^\s;|&"']+`, command)},
})

# strong is those that need no second sign.
strong := {"downloads into an interpreter", "decodes what it runs", "opens a connection for a shell", "calls an address without name"}

# harmful: enough to call it proof.
harmful(reasons) := count(reasons & strong) > 0

# related: one of them started the other, or both are the same program.
related(p, pid) if p.ppid == pid

related(p, pid) if descends(pid, p)

related(p, pid) if peers(p, pid)

# descends: the process with this number comes from p.
descends(pid, p) if {
	some generation in [0, 1, 2, 3]
	q := input.processes[sprintf("%d.%d", [pid, generation])]
	some above in q.lineage
	input.processes[above].pid == p.pid
}

# peers are processes of one program, such as those of MPI.
peers(p, pid) if {
	some generation in [0, 1, 2, 3]
	q := input.processes[sprintf("%d.%d", [pid, generation])]
	q.exe == p.exe
	q.sha256 == p.sha256
	not p.drift
}
