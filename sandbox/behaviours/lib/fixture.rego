# METADATA
# title: Observations for tests
# description: >-
#   Whole observations, made from the few things that a test is about. What a
#   test leaves out is as in a container where an entrypoint script does nothing.
package sallyport.fixture

# observation is a run in which the entrypoint and the given things happened:
# processes (a list), events (by kind), flows, dns, http, created, modified.
observation(parts) := {
	"schema_version": 1,
	"image": object.union(
		{
			"digest": "sha256:0000", "entrypoint": ["/entrypoint.sh"], "cmd": [], "env": ["PATH=/usr/bin:/bin"],
			"user": "", "exposed": [], "volumes": [], "labels": {},
		},
		object.get(parts, "image", {}),
	),
	"run": {
		"network_mode": "simulated", "status": "timeout", "ran_entrypoint": true, "duration_ns": 180000000000,
		"counts": {"events_total": 100, "events_lost": 0, "critical_lost": 0, "dropped": {}},
	},
	"processes": {p.id: linked(p, parts) | some p in programs(parts)},
	"events": object.get(parts, "events", {}),
	"network": {
		"flows": object.get(parts, "flows", []),
		"dns": object.get(parts, "dns", []),
		"http": object.get(parts, "http", []),
		"contacts": contacts(parts),
		"apps": apps(parts),
		"domains": domains(parts),
		"zones": object.get(parts, "zones", []),
		"port_sweeps": object.get(parts, "port_sweeps", []),
		"rhythms": object.get(parts, "rhythms", []),
		"repeats": object.get(parts, "repeats", []),
		"traffic": object.get(parts, "traffic", []),
	},
	"files": {
		"created": object.get(parts, "created", []),
		"modified": object.get(parts, "modified", []),
		"deleted": [],
	},
}

programs(parts) := array.concat([entrypoint], object.get(parts, "processes", []))

# linked is p with what an observation says of it by number.
linked(p, parts) := object.union(p, {
	"names": names(p),
	"children": [c.id | some c in programs(parts); c.parent == p.id],
	"flows": [i | some i, flow in object.get(parts, "flows", []); flow.process == p.id],
	"http": [i | some i, h in object.get(parts, "http", []); h.process == p.id],
})

names(p) := [name |
	some word in array.concat([p.exe], array.slice(p.argv, 0, words(p.argv)))
	base := trim_left(regex.replace(word, `^.*/`, ""), "-")
	some name in {base, trim_right(base, "0123456789.-")}
]

# BusyBox is told what to be.
words(argv) := 2 if endswith(argv[0], "busybox")

else := 1

# contacts is the attempts to connect, as an observation groups them.
contacts(parts) := {id: ports |
	tried := attempts(parts)
	some id in {c.lineage | some c in tried}
	ports := {port: addresses |
		some port in {c.port | some c in tried; c.lineage == id}
		addresses := {c.ip: c.contact | some c in tried; c.lineage == id; c.port == port}
	}
}

# apps is the flows to somewhere outside, as an observation indexes them.
apps(parts) := {app: {id: [i | some [i, a, l] in known; a == app; l == id] |
	some id in {l | some [_, a, l] in known; a == app}
} |
	lineages := {p.id: p.lineage_id | some p in programs(parts)}
	known := [[i, flow.app, object.get(lineages, flow.process, "")] |
		some i, flow in object.get(parts, "flows", [])
		flow.scope in {"private", "public"}
		not flow.inbound
		not flow.probe
	]
	some app in {a | some [_, a, _] in known}
}

# domains is the names that were asked for or used, as an observation indexes them.
domains(parts) := {d: [n | some n in names; d in above(n.name)] |
	names := names_used(parts)
	some d in {d | some n in names; some d in above(n.name)}
}

above(name) := {concat(".", array.slice(labels, i, count(labels))) |
	labels := split(name, ".")
	some i, _ in labels
	count(labels) - i >= 2
	count(labels) - i <= 4
}

names_used(parts) := [{
	"name": name, "lineage": object.get(lineages, id, ""), "process": id, "event": 60, "ms": 400, "asked": asked, "failed": false,
	"flows": [i | some i, flow in object.get(parts, "flows", []); name in {flow.domain, flow.sni}; flow.process == id],
} |
	lineages := {p.id: p.lineage_id | some p in programs(parts)}
	some [name, id, asked] in ({[q.name, object.get(q, "process", ""), true] | some q in object.get(parts, "dns", [])} | {[name, flow.process, false] |
		some flow in object.get(parts, "flows", [])
		some name in {flow.domain, flow.sni}
		name != ""
	})
]

# question is what the process with this ID asked a name server.
question(process, name, parts) := object.union(
	{"flow": "d1", "event": 60, "ms": 400, "process": process, "pid": 0, "name": name, "type": "A", "server": "172.17.0.1", "rcode": "NOERROR", "answers": []},
	parts,
)

attempts(parts) := [a |
	lineages := {p.id: p.lineage_id | some p in programs(parts)}
	named := {ip | some q in object.get(parts, "dns", []); some ip in q.answers}
	some e in object.get(object.get(parts, "events", {}), "connect", [])
	e.remote.proto == "tcp"
	e.remote.scope in {"private", "public"}
	a := {
		"lineage": lineages[e.process], "port": sprintf("%d", [e.remote.port]), "ip": e.remote.ip,
		"contact": {"event": e.seq, "ms": e.ms, "process": e.process, "named": e.remote.ip in named},
	}
]

entrypoint := object.union(common, {
	"id": "1.0", "pid": 1, "event": 1, "exe": "/bin/sh", "argv": ["/bin/sh", "/entrypoint.sh"], "script": "/entrypoint.sh",
})

common := {
	"ppid": 0, "parent": "", "generation": 0, "start_ms": 0, "end_ms": 0, "sha256": "", "env": [], "cwd": "/",
	"uid": 0, "euid": 0, "elevated": false, "comm": "", "drift": false, "memfd": false, "deleted": false, "forked": false,
	"provenance": "image", "decodes": false, "script": "", "script_drift": false, "stdio": [null, null, null], "pipe_from": [],
	"probe": false, "lineage": [], "lineage_id": "1.0",
}

# process is a child of the entrypoint. The number is its PID, and its event.
process(pid, argv, parts) := object.union(
	object.union(common, {
		"id": sprintf("%d.0", [pid]), "pid": pid, "ppid": 1, "parent": "1.0", "event": pid, "start_ms": pid * 10,
		"exe": argv[0], "argv": argv, "lineage": ["1.0"],
	}),
	parts,
)

# endpoint is the other end of a connection. Documentation addresses are public.
endpoint(ip, port) := {"family": "inet", "proto": "tcp", "ip": ip, "port": port, "scope": scope(ip)}

scopes := {"127.": "loopback", "10.": "private", "169.254.": "local"}

scope(ip) := near if {
	some prefix, near in scopes
	startswith(ip, prefix)
} else := "public"

socket(ip, port) := {"kind": "socket", "remote": endpoint(ip, port)}

pipe(inode) := {"kind": "pipe", "inode": inode}

# event is what the process with this ID did at this place in the order.
event(seq, process, parts) := object.union({"seq": seq, "ms": seq * 10, "count": 1, "process": process}, parts)

# flow is a connection from the process with this ID.
flow(process, ip, port, parts) := object.union(
	{
		"id": sprintf("tcp-%s-%s-%d", [process, ip, port]), "event": 50, "process": process, "pid": 0, "proto": "tcp",
		"src_ip": "10.0.2.15", "src_port": 40000, "dst_ip": ip, "dst_port": port, "scope": scope(ip),
		"domain": "", "direct": false, "sni": "", "tls": false, "app": "raw", "inbound": false, "probe": false,
		"first_ms": 500, "last_ms": 900, "bytes_out": 100, "bytes_in": 100, "refused": false,
		"out": "", "in": "", "messages": [], "canaries": [],
	},
	parts,
)

# request is what an HTTP client asked on a flow.
request(flow, method, path, parts) := object.union(
	{
		"flow": flow.id, "event": flow.event, "process": flow.process, "pid": 0, "ms": flow.first_ms, "tls": false,
		"method": method, "host": host(flow), "port": flow.dst_port, "ip": flow.dst_ip, "scope": flow.scope,
		"direct": flow.direct, "inbound": flow.inbound, "path": path, "headers": {}, "body": "", "status": 200, "payload": "", "sha256": "",
	},
	parts,
)

host(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

# malicious tells whether a set of findings holds proof.
malicious(findings) if {
	some f in findings
	f.malicious
}

# pointed: there are findings, and every one of them points to an event.
pointed(findings) if {
	count(findings) > 0
	every f in findings {
		some e in f.evidence
		e.event > 0
	}
}
