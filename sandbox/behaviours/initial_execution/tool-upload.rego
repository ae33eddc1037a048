# METADATA
# title: File sent away by a downloader
# description: >-
#   A tool that one has for downloads was told to send a file to another host.
# custom:
#   severity: medium
#   group: exfiltration
#   attack_version: "18"
#   attack:
#     - {id: T1048, name: Exfiltration Over Alternative Protocol, tactic: Exfiltration}
#   remediation: >-
#     Find out which file goes where, and allow only that host in the network
#     policy.
package sallyport.behaviours.initial_execution["tool-upload"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s sends %s", [lib.base(p.argv[0]), concat(", ", sort(files))]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": array.concat(
		[object.union(lib.process_evidence(p, "is told to send a file"), {"data": lib.command(p)})],
		lib.first(2, {lib.http_evidence(http, "is the request") | some http in lib.requests_of(p)}),
	),
} if {
	some id in lib.going_by({"curl", "wget", "wget2", "xh", "http", "tftp", "ftpput", "lftp", "scp", "rclone"})
	p := input.processes[id]
	files := sent(p)
	count(files) > 0
	not here(p)
}

sent(p) := (({file |
	some i, argument in p.argv
	argument in {"-T", "--upload-file"}
	"curl" in p.names
	file := p.argv[i + 1]
} | {m[1] |
	"curl" in p.names
	some argument in p.argv
	some m in regex.find_all_string_submatch_n(`^(?:-F|-d|--form=|--data-binary=|--data=|--data-ascii=|--data-urlencode=)?(?:[A-Za-z0-9_.\[\]-]+=)?[@<]([^;]+)`, argument, 1)
}) | {m[1] |
	some argument in p.argv
	some m in regex.find_all_string_submatch_n(`^--(?:post|body)-file=(.+)$`, argument, 1)
}) | {argument |
	some name in p.names
	name in {"ftpput", "scp", "rclone", "lftp"}
	some argument in array.slice(p.argv, 1, 20)
	name != "rclone"
	startswith(argument, "/")
}

# here: to the container itself.
here(p) if {
	some argument in p.argv
	regex.match(`^(https?://)?(localhost|127\.[0-9.]+|\[::1\])([:/]|$)`, argument)
}
