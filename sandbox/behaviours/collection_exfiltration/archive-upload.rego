# METADATA
# title: Secrets packed and sent
# description: >-
#   Places where credentials lie were packed into an archive, and something of
#   its kind was uploaded after that.
# custom:
#   severity: critical
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1560.001, name: Archive via Utility, tactic: Collection}
#     - {id: T1048, name: Exfiltration Over Alternative Protocol, tactic: Exfiltration}
#   remediation: >-
#     Do not run this image. Replace every credential that it could read.
package sallyport.behaviours.collection_exfiltration["archive-upload"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s packs %s, then sends to %s%s", [lib.program(packer.id), concat(", ", sort(stores)), concat(", ", sort({u.place | some u in sent})), note]),
	"malicious": count(strange) > 0,
	"severity": severity(strange),
	"confidence": 88,
	"lineage": packer.lineage_id,
	"evidence": array.concat(
		[lib.process_evidence(packer, sprintf("packs %s", [concat(", ", sort(stores))]))],
		lib.first(4, {u.evidence | some u in sent}),
	),
} if {
	some id in packers
	packer := input.processes[id]
	stores := packed(packer)
	count(stores) > 0

	# The network's clock and that of processes begin apart by some.
	sent := [u | some u in uploads; u.lineage == packer.lineage_id; u.ms >= packer.start_ms - 1000]
	count(sent) > 0
	strange := [u | some u in sent; not u.configured]
	note := configured_note(strange)
}

configured_note(strange) := "" if count(strange) > 0

else := ", which it was told to"

severity(strange) := "critical" if count(strange) > 0

else := "high"

# packed is the stores in an archiver's arguments, and those that it opened.
packed(p) := {store |
	some word in array.slice(p.argv, 1, 64)
	store := store_in(word)
} | {store |
	some e in opened
	e.process == p.id
	store := store_in(e.path)
}

opened := [e |
	count(packers) > 0
	some e in input.events.open
	e.process in packers
]

packers := lib.going_by({"tar", "bsdtar", "zip", "gzip", "7z", "7za", "7zr", "7zz", "rar", "openssl", "xz", "zstd", "bzip2", "cpio"})

store_in(path) := found if {
	found := regex.find_n(`(/|^)(\.aws|\.ssh|\.kube|\.docker|\.gnupg|\.azure|\.config/gcloud|\.git-credentials|\.npmrc|\.pypirc|\.netrc|\.pgpass|\.vault-token|\.bash_history|secrets/kubernetes\.io|etc/shadow|etc/kubernetes)(/|$)`, path, 1)[0]
}

# uploads is what leaves with a body, or as a file.
uploads := array.concat(
	array.concat(
		[{"lineage": lib.lineage(h.process), "ms": h.ms, "place": h.host, "configured": configured(h.host), "evidence": lib.http_evidence(h, "uploads")} |
			some h in lib.requests
			h.method in {"POST", "PUT"}
			h.body != ""
			looks_packed(h)
		],
		[{"lineage": id, "ms": flow.first_ms, "place": host(flow), "configured": configured(host(flow)), "evidence": lib.flow_evidence(flow, "", "sends an archive")} |
			some id, flows in lib.app_flows("raw")
			some flow in flows
			flow.proto == "tcp"
			archive(flow.out)
		],
	),
	[{"lineage": id, "ms": flow.first_ms, "place": host(flow), "configured": configured(host(flow)), "evidence": lib.flow_evidence(flow, "", sprintf("stores %s", [m.fields.args]))} |
		some id, flows in lib.app_flows("ftp")
		some flow in flows
		some m in flow.messages
		m.type == "STOR"
	],
)

host(flow) := flow.domain if flow.domain != ""

else := flow.dst_ip

looks_packed(h) if archive(h.body)

looks_packed(h) if contains(lower(h.headers["Content-Type"]), "multipart/form-data")

looks_packed(h) if regex.match(`(?i)^(application/(octet-stream|x-tar|gzip|x-gzip|zip|x-7z|zstd))`, h.headers["Content-Type"])

# base64 of gzip begins with H4sI.
looks_packed(h) if contains(substring(h.body, 0, 4096), "H4sI")

# archive: gzip, zip, xz, zstd, bzip2, 7z, RAR, and what openssl enc makes; or tar.
archive(text) if regex.match(`^(\\x1f\\x8b|PK\\x03\\x04|\\xfd7zXZ|\(\\xb5/\\xfd|BZh[1-9]|7z\\xbc|Rar!|Salted__)`, text)

archive(text) if contains(substring(text, 0, 3000), `ustar`)

configured(place) if lib.told_at_start(place)

else := false
