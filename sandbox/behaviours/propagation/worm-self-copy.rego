# METADATA
# title: Sends itself elsewhere
# description: >-
#   What left is, byte for byte, a program or script that this image runs. A
#   worm copies itself so.
# custom:
#   severity: critical
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1570, name: Lateral Tool Transfer, tactic: Lateral Movement}
#   remediation: >-
#     Do not run this image. Look for the same file on the machines that it
#     could reach.
package sallyport.behaviours.propagation["worm-self-copy"]

import data.sallyport.lib

finding contains {
	"message": sprintf("sends its own program %s to %s", [lib.base(self.path), sent.place]),
	"malicious": not_a_store(sent.lineage),
	"confidence": 95,
	"lineage": sent.lineage,
	"evidence": [object.union(sent.evidence, {"detail": sprintf("is %s, SHA-256 %s", [self.path, sent.sha256])}), self.evidence],
} if {
	some sent in sendings
	self := running[sent.sha256]
	self.lineage == sent.lineage
}

# running is the programs and scripts that ran, by hash.
running := object.union_n(array.concat(
	[{p.sha256: {"path": p.exe, "lineage": p.lineage_id, "evidence": lib.process_evidence(p, "runs")}} |
		count(sendings) > 0
		some p in lib.loaded
		p.sha256 != ""
	],
	[{p.script_sha256: {"path": p.script, "lineage": p.lineage_id, "evidence": lib.process_evidence(p, "runs")}} |
		count(sendings) > 0
		some p in lib.loaded
		p.script_sha256
	],
))

sendings := array.concat(
	[{"lineage": lib.lineage(h.process), "sha256": sha, "place": h.host, "evidence": lib.http_evidence(h, "")} |
		some h in lib.requests
		some sha in h.sent
	],
	[{"lineage": id, "sha256": flow.out_sha256, "place": lib.address(flow.dst_ip, flow.dst_port), "evidence": lib.flow_evidence(flow, "", "")} |
		some id, flows in lib.app_flows("raw")
		some flow in flows
		flow.out_sha256
	],
)

# A store of artifacts that mirrors whole images sends many files, its own among them.
not_a_store(lineage) if count({s.sha256 | some s in sendings; s.lineage == lineage}) <= 20

else := false
