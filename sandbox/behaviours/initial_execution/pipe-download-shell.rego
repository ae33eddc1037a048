# METADATA
# title: Download piped into an interpreter
# description: >-
#   What a program fetched from the network went straight into a shell or
#   another interpreter, through a pipe, a substituted file or an argument. The
#   image does not contain the code that it runs.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#     - {id: T1105, name: Ingress Tool Transfer, tactic: Command and Control}
#   remediation: >-
#     Fetch at build time, pin what is fetched by its hash, and keep it in the
#     image.
package sallyport.behaviours.initial_execution["pipe-download-shell"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs what %s fetched%s%s", [lib.base(shell.exe), lib.base(source.exe), from(source), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 90,
	"lineage": shell.lineage_id,
	"evidence": array.concat(
		[
			lib.process_evidence(source, concat("; ", array.concat(["fetches"], sort(proofs)))),
			lib.process_evidence(shell, "runs what was fetched"),
		],
		lib.first(3, requested(source)),
	),
} if {
	some [shell, source] in fed
	fetches(source)
	not vendor(source)
	proofs := proof(shell, source)
}

# eval "$(curl …)", source <(curl …), . file: a shell that runs already takes it
# in. It is known by what our scripts print, and nothing else does.
finding contains {
	"message": sprintf("a shell takes in what %s fetched%s%s", [lib.base(source.exe), from(source), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 88,
	"lineage": source.lineage_id,
	"evidence": array.concat(
		[lib.process_evidence(source, concat("; ", array.concat(["fetches what a shell then ran"], sort(proofs))))],
		lib.first(3, requested(source)),
	),
} if {
	input.run.marker_ran
	count(told) == 0
	some http in lib.requests
	http.payload == "script"
	source := input.processes[http.process]
	not vendor(source)
	proofs := address_proof(source) | paste_proof(source)
}

# told is the other ways in which what was served may have run.
told := ({shell.id | some [shell, source] in fed; fetches(source)} | {p.id | some p in lib.drifting; lib.served[p.sha256]}) | {p.id | some p in lib.drifting_scripts; lib.served[lib.script_sha(p)]}

# fed holds each interpreter with a program whose output it runs.
fed contains [shell, source] if {
	some id in lib.interpreter_ids
	shell := input.processes[id]
	count(shell.pipe_from) > 0
	lib.reads_code(shell)
	some source in lib.upstream(shell.pipe_from)
}

# bash <(curl …): the shell reads the pipe as a file. Its name tells no inode,
# so the source is whoever writes into a pipe that nobody has as its input.
fed contains [shell, source] if {
	some id in lib.interpreter_ids
	shell := input.processes[id]
	regex.match(`^(/dev/fd|/proc/(self|[0-9]+)/fd)/[1-9]`, shell.script)
	some source in unread
	source.lineage_id == shell.lineage_id
	abs(source.start_ms - shell.start_ms) <= 2000
}

# sh -c "$(curl …)": the code is an argument, and equal to a body that was served.
fed contains [shell, source] if {
	count(served) > 0
	some id in lib.interpreter_ids
	shell := input.processes[id]
	some argument in array.slice(shell.argv, 1, 4)
	count(argument) >= 8
	some sha in {crypto.sha256(argument), crypto.sha256(concat("", [argument, "\n"]))}
	sha in served
	some http in lib.requests
	http.sha256 == sha
	http.ms <= shell.start_ms
	source := input.processes[http.process]
	source.lineage_id == shell.lineage_id
}

served := {http.sha256 |
	some http in lib.requests
	http.process != ""
	http.sha256 != ""
}

unread := [p |
	some p in input.processes
	not p.forked
	p.stdio[1].kind == "pipe"
	not p.stdio[1].inode in read_pipes
]

read_pipes := {p.stdio[0].inode |
	some p in input.processes
	p.stdio[0].kind == "pipe"
}

fetches(p) if {
	some name in p.names
	name in lib.names_in(data.lists.downloaders)
	goes_outside(p)
}

# An interpreter, or a program that was not in the image, fetches when it received something.
fetches(p) if {
	makes_code(p)
	some flow in lib.flows_of(p)
	flow.bytes_in > 0
	flow.app != "dns"
}

makes_code(p) if p.id in lib.interpreter_ids

makes_code(p) if p.drift

goes_outside(p) if count(lib.flows_of(p)) > 0

goes_outside(p) if {
	some q in input.network.dns
	q.process == p.id
}

goes_outside(p) if {
	some argument in p.argv
	host := regex.find_all_string_submatch_n(`(?i)^(?:https?|ftp)://(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]+)`, argument, 1)[0][1]
	not host in {"localhost", "[::1]"}
	not startswith(host, "127.")
}

# vendor: everything that p asked for came from hosts on which only their
# owner publishes, and which proved who they are.
vendor(p) if {
	hosts := contacted(p)
	count(hosts) > 0
	every host in hosts {
		host.tls
		host.name in lib.names_in(data.lists.vendor_installers)
	}
}

contacted(p) := {{"name": h.host, "tls": h.tls} | some h in lib.requests_of(p)} | quiet(p)

# quiet is where p had connections without requests that we could read.
quiet(p) := {{"name": name_of(flow), "tls": flow.tls} |
	asked := {h.flow | some h in lib.requests_of(p)}
	some flow in lib.flows_of(p)
	flow.app != "dns"
	not flow.id in asked
}

name_of(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

# proof is why a download into a shell can have no good reason.
proof(shell, source) := union({address_proof(source), paste_proof(source), decode_proof(shell)})

address_proof(source) := {"over plain HTTP from an address without name" |
	some h in lib.requests_of(source)
	not h.tls
	h.direct
}

paste_proof(source) := {sprintf("from %s, where anybody can publish", [h.host]) |
	some h in lib.requests_of(source)
	lib.under(h.host, lib.names_in(data.lists.paste_hosts))
}

# The payload is decoded on its way, or decodes another one that runs.
decode_proof(shell) := {"decoded before it runs" |
	some p in lib.below(shell)
	lib.reads_code(p)
	some decoder in lib.upstream(p.pipe_from)
	decoder.decodes
}

requested(p) := {lib.http_evidence(h, sprintf("answered with status %d", [h.status])) |
	some h in lib.requests_of(p)
}

from(p) := sprintf(" from %s", [concat(", ", sort(names))]) if {
	names := {h.name | some h in contacted(p)}
	count(names) > 0
} else := ""
