# METADATA
# title: Hosts and keys for SSH gathered
# description: >-
#   Several of the places were read that tell which machines a user logs in to,
#   and with which keys: known hosts, configuration, keys, histories. A login
#   after that is how worms go on.
# custom:
#   severity: high
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1552.004, name: Private Keys, tactic: Credential Access}
#     - {id: T1018, name: Remote System Discovery, tactic: Discovery}
#   remediation: >-
#     Do not run this image. Replace the keys that it could read.
package sallyport.behaviours.propagation["ssh-target-harvest"]

import data.sallyport.lib

finding contains {
	"message": sprintf("gathers %s%s", [concat(", ", sort(kinds)), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"confidence": 88,
	"lineage": id,
	"evidence": array.concat(
		lib.first(6, {r.evidence | some r in reads; r.lineage == id}),
		lib.first(2, {lib.flow_evidence(flow, "", "then speaks SSH") | some flow in later}),
	),
} if {
	some id in {r.lineage | some r in reads}
	kinds := {r.kind | some r in reads; r.lineage == id}
	count(kinds) >= 3
	later := [flow | some flow in lib.app_flows("ssh")[id]]
	reasons := {"and then speaks SSH" | count(later) > 0}
}

# reads by tools that are no SSH client: that one reads its own files.
reads := array.concat(
	[{"lineage": lib.lineage(e.process), "kind": kind, "evidence": lib.file_evidence(e, kind)} |
		some e in input.events.open
		telling(e.path)
		not e.probe
		kind := kind_of(e.path)
		not client(e.process)
	],
	[{"lineage": p.lineage_id, "kind": "hosts", "evidence": lib.process_evidence(p, "reads the list of hosts")} |
		some id in lib.going_by({"cat", "grep", "awk", "sed", "cut", "head", "egrep"})
		p := input.processes[id]
		"/etc/hosts" in p.argv
	],
)

telling(path) if contains(path, "ssh")

telling(path) if endswith(path, "_history")

kind_of(path) := "known hosts" if regex.match(`/(known_hosts|ssh_known_hosts)[^/]*$`, path)

else := "SSH configuration" if regex.match("/\\.ssh/config$|/etc/ssh/ssh_config", path)

else := "private keys" if regex.match("/\\.ssh/(id_[^/.]+|[^/]+\\.(pem|key))$", path)

else := "authorized keys" if endswith(path, "/.ssh/authorized_keys")

else := "histories" if endswith(path, "_history")

client(process) if {
	not lib.drifted(process)
	lib.goes_by(process, {"ssh", "scp", "sftp", "ssh-agent", "ssh-add", "ssh-keyscan", "ssh-keygen", "sshd", "git", "rsync", "mosh"})
}
