# METADATA
# title: Fetched file executed
# description: >-
#   What was executed is byte for byte what was fetched over the network during
#   this run. The image is only a wrapper for it.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1105, name: Ingress Tool Transfer, tactic: Command and Control}
#   remediation: >-
#     Fetch at build time, pin what is fetched by its hash, and keep it in the
#     image.
package sallyport.behaviours.initial_execution["ingress-exec-marker"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s runs what came from %s%s", [path, http.host, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [
		object.union(lib.http_evidence(http, concat("; ", array.concat(["the answer is what is executed"], sort(proofs)))), {"sha256": sha}),
		object.union(lib.process_evidence(p, "executes it"), {"path": path, "sha256": sha}),
	],
} if {
	count(lib.served) > 0
	some [p, path, sha] in fetched
	http := lib.served[sha]
	http.ms <= p.start_ms
	bad := source(http)
	hidden := covert(p, path)

	# Either alone is what installers and build servers look like.
	proofs := {reason | count(bad) > 0; count(hidden) > 0; some reason in (bad | hidden)}
}

fetched contains [p, p.exe, p.sha256] if {
	some p in lib.drifting
	lib.served[p.sha256]
}

fetched contains [p, p.script, sha] if {
	some p in lib.drifting_scripts
	sha := lib.script_sha(p)
	lib.served[sha]
}

# source is what is wrong with where it came from.
source(http) := union({
	{"over plain HTTP from an address without name" | http.direct; not http.tls; http.scope == "public"},
	{sprintf("from %s, where anybody can publish", [http.host]) | lib.under(http.host, lib.names_in(data.lists.paste_hosts))},
})

# covert is what is wrong with where it went.
covert(p, path) := union({
	lib.hidden_how(p),
	{"to where everybody may write" | lib.open_to_all(path)},
	{sprintf("to the hidden path %s", [path]) | lib.offside(path)},
	{"and was removed" | path in removed},
})

removed := {e.path | some e in input.events.unlink}
