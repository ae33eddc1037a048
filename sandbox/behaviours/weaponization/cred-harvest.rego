# METADATA
# title: Stores of credentials searched
# description: >-
#   One lineage of programs looked into the places where several unrelated tools
#   keep their credentials. A tool reads its own; who reads many collects them.
# custom:
#   severity: high
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1552.001, name: Credentials In Files, tactic: Credential Access}
#   remediation: >-
#     Do not run this image where secrets are at hand. Find out where they went:
#     change those that the container could read.
package sallyport.behaviours.weaponization["cred-harvest"]

import data.sallyport.lib

finding contains {
	"message": sprintf("credentials of %s are looked for%s", [concat(", ", sort(search.families)), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(search, proofs),
	"confidence": 88,
	"lineage": search.lineage,
	"evidence": lib.first(12, {r.evidence | some r in search.reads}),
} if {
	some search in searches
	proofs := proof(search)
}

severity(search, proofs) := "critical" if count(proofs) > 0

else := "high" if count(search.meant) >= 3

else := "medium"

# reads is the looks at a place where credentials lie, whether they are there or not.
reads := array.concat(
	[{"evidence": lib.file_evidence(e, sprintf("opened, credentials of %s", [family])), "family": family, "lineage": p.lineage_id, "ms": e.ms, "process": p} |
		some [e, family] in array.concat(by_name, by_ending)
		not public(e.path)
		p := lib.process(e)
		not own(family, p)
	],
	[{"evidence": lib.process_evidence(p, lib.command(p)), "family": family, "lineage": p.lineage_id, "ms": p.start_ms, "process": p} |
		some p in lib.run({"find", "locate", "fd"})
		some family in searched(p.argv)
	],
)

by_name := [[e, family] |
	count(present) > 0
	some e in input.events.open
	some part in split(e.path, "/")
	family := data.lists.credential_stores.names[part]
]

present := {name |
	some name, _ in data.lists.credential_stores.names
	contains(lib.opened, concat("", ["/", name]))
}

by_ending := [[e, family] |
	some ending, family in data.lists.credential_stores.endings
	contains(lib.opened, concat("", [ending, "\n"]))
	some e in input.events.open
	endswith(e.path, ending)
]

# searched is the families whose files a search is about: find / -name id_rsa
searched(argv) := ({family |
	some argument in array.slice(argv, 1, 64)
	some part in split(trim(argument, "*"), "/")
	family := data.lists.credential_stores.names[part]
} | {family |
	some argument in array.slice(argv, 1, 64)
	some ending, family in data.lists.credential_stores.endings
	endswith(argument, ending)
}) | {"ssh" |
	some argument in array.slice(argv, 1, 64)
	regex.match(`^\*?id_(rsa|dsa|ecdsa|ed25519|\*)`, argument)
}

# walkers is the processes that read whole folders, whatever is in them, as
# backups and searches do: they open the folders too, and were told of none.
walkers := {e.process |
	some [e, _] in by_name
	lib.base(e.path) in folders
	not told_where(input.processes[e.process])
}

folders := {".aws", ".azure", ".bitcoin", ".docker", ".ethereum", ".gem", ".gnupg", ".kube", ".password-store", ".ssh", ".terraform.d", "gcloud"}

told_where(p) if {
	line := lib.command_line(p)
	some name in present
	contains(line, name)
}

# What lies there and is no secret.
public(path) if regex.match(`(/known_hosts|\.pub|/\.ssh/(config|environment|rc)|/\.aws/config|/\.docker/(cli-plugins.*|buildx.*|contexts.*)|/\.gnupg/(pubring.*|trustdb.gpg|common.conf|gpg.conf)|/\.kube/cache.*)$`, path)

# own: what a tool reads of itself is what the store is for.
own(family, p) if {
	not p.drift
	some name in p.names
	name in data.lists.credential_owners[family]
}

lineages := {r.lineage | some r in reads}

searches := [{"lineage": id, "reads": found, "families": families, "meant": meant} |
	some id in lineages
	found := [r | some r in reads; r.lineage == id]
	families := {r.family | some r in found}
	meant := {r.family | some r in found; not r.process.id in walkers}
	count(families) >= 3
]

# Five unrelated tools' credentials are of no use to one program.
proof(search) := {"of five tools or more" | count(search.meant) >= 5} | {"and then something is sent" |
	count(search.meant) >= 3
	every r in search.reads {
		general(r.process)
	}
	first := min({r.ms | some r in search.reads})
	some h in lib.requests
	h.method in {"POST", "PUT"}
	h.ms >= first
	lib.lineage(h.process) == search.lineage
	general(input.processes[h.process])
	not cloud(h.host)
}

# general: a program that is for anything, or that did not come with the image.
general(p) if p.drift

general(p) if p.id in lib.interpreter_ids

general(p) if {
	some name in p.names
	name in {"cat", "grep", "egrep", "find", "cp", "head", "tail", "sed", "awk", "tar", "dd", "xxd", "base64", "gzip", "zip", "curl", "wget", "busybox", "xargs", "tee", "sort"}
}

cloud(host) if lib.under(host, {"amazonaws.com", "googleapis.com", "azure.com", "azure.net", "windows.net", "docker.io", "github.com", "npmjs.org", "pypi.org"})
