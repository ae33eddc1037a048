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
import future.keywords.every

finding contains {
	"message": sprintf("%s runs what %s fetched%s", [lib.base(shell.exe), lib.base(source.exe), from(source)]),
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

# fed holds each interpreter with a program whose output it runs.
fed contains [shell, source] if {
	some shell in input.processes
	takes_code(shell)
	reads_code(shell)
	some source in upstream(shell)
}

# bash <(curl …): the shell reads the pipe as a file. Its name tells no inode,
# so the source is whoever writes into a pipe that nobody has as its input.
fed contains [shell, source] if {
	some shell in input.processes
	takes_code(shell)
	regex.match(`^(/dev/fd|/proc/(self|[0-9]+)/fd)/[1-9]`, shell.script)
	some source in unread[shell.lineage_id]
	abs(source.start_ms - shell.start_ms) <= 2000
}

# sh -c "$(curl …)": the code is an argument, and equal to a body that was served.
fed contains [shell, source] if {
	some shell in input.processes
	takes_code(shell)
	some argument in array.slice(shell.argv, 1, 4)
	count(argument) >= 8
	some sha in {crypto.sha256(argument), crypto.sha256(concat("", [argument, "\n"]))}
	some http in served[sha]
	http.ms <= shell.start_ms
	source := input.processes[http.process]
	source.lineage_id == shell.lineage_id
}

served[http.sha256] contains http if {
	some http in lib.requests
	http.process != ""
	http.sha256 != ""
}

unread[p.lineage_id] contains p if {
	some p in input.processes
	not p.forked
	p.stdio[1].kind == "pipe"
	not p.stdio[1].inode in read_pipes
}

read_pipes := {p.stdio[0].inode |
	some p in input.processes
	p.stdio[0].kind == "pipe"
}

takes_code(p) if {
	not lib.ours(p)
	lib.is_interpreter(p)
}

# reads_code: what comes in on p's input is its code, not its data.
reads_code(p) if {
	p.script == ""
	not inline(p)
}

reads_code(p) if p.script in {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}

# inline: the code is an argument, so the input is data.
inline(p) if {
	option := `^-[a-zA-Z]*c`
	lib.is_shell(p)
	some argument in array.slice(p.argv, 1, 6)
	regex.match(option, argument)
}

inline(p) if {
	not lib.is_shell(p)
	some argument in array.slice(p.argv, 1, 6)
	regex.match(`^(-[a-zA-Z]*[ceErmp]|--eval)`, argument)
}

# upstream is who writes what shell reads, over any number of pipes.
upstream(shell) := {input.processes[id] |
	some id in graph.reachable(pipes, shell.pipe_from)
}

pipes[p.id] := p.pipe_from if some p in input.processes

fetches(p) if {
	count(lib.called(p) & lib.names_in(data.lists.downloaders)) > 0
	goes_outside(p)
}

# An interpreter, or a program that was not in the image, fetches when it received something.
fetches(p) if {
	fetching_kind(p)
	some flow in lib.flows_of[p.id]
	flow.bytes_in > 0
	not flow.app == "dns"
}

fetching_kind(p) if lib.is_interpreter(p)

fetching_kind(p) if p.drift

goes_outside(p) if some _ in lib.flows_of[p.id]

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

contacted(p) := {{"name": h.host, "tls": h.tls} | some h in lib.requests_of[p.id]} | {{"name": named_or(f), "tls": f.tls} |
	some f in lib.flows_of[p.id]
	not f.app == "dns"
	not f.id in {h.flow | some h in lib.requests_of[p.id]}
}

named_or(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

# proof is why a download into a shell can have no good reason.
proof(shell, source) := (address_proof(source) | paste_proof(source)) | decode_proof(shell)

address_proof(source) := {"over plain HTTP from an address without name" |
	some h in lib.requests_of[source.id]
	not h.tls
	lib.flow_by_id[h.flow].direct
}

paste_proof(source) := {sprintf("from %s, where anybody can publish", [h.host]) |
	some h in lib.requests_of[source.id]
	lib.under(h.host, lib.names_in(data.lists.paste_hosts))
}

# The payload is decoded on its way, or decodes another one that runs.
decode_proof(shell) := {"decoded before it runs" |
	some p in below(shell)
	reads_code(p)
	some decoder in upstream(p)
	count(lib.called(decoder) & lib.names_in(data.lists.decoders)) > 0
}

# below is shell and the interpreters among its children.
below(shell) := {shell} | {p |
	some p in children[shell.id]
	lib.is_interpreter(p)
}

children[id] contains p if {
	some p in input.processes
	some id in array.slice(p.lineage, count(p.lineage) - 4, count(p.lineage))
}

requested(p) := {lib.http_evidence(h, sprintf("answered with status %d", [h.status])) |
	some h in lib.requests_of[p.id]
}

from(p) := sprintf(" from %s", [concat(", ", sort(names))]) if {
	names := {h.name | some h in contacted(p)}
	count(names) > 0
} else := ""
