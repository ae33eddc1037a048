# METADATA
# title: Miner program
# description: >-
#   A program speaks of itself as a cryptocurrency miner does: it holds
#   addresses of pools, the author's share, names of proof-of-work algorithms,
#   and the messages by which one logs in to a pool.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.001, name: Compute Hijacking, tactic: Impact}
#   remediation: >-
#     Do not run this image. Find the layer or process that brings the program,
#     and rebuild without it.
package sallyport.behaviours.initial_execution["miner-binary"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is a miner: it holds %s", [path, concat(", ", sort(signs))]),
	"malicious": true,
	"confidence": 93,
	"lineage": origin.lineage,
	"evidence": [{
		"type": "file", "event": origin.event, "ms": origin.ms, "process": origin.process, "path": path, "sha256": sha,
		"detail": sprintf("the program holds %s", [concat(", ", sort(signs))]),
	}],
} if {
	some sha, content in input.contents
	signs := {what[word] | some word in content.elf.words}
	count(signs) >= 3
	not "detector" in content.elf.words
	origin := origins(sha, content)
	path := origin.path
}

# what each set of words is. That a program counts hashes is a sign of nothing by itself.
what := {
	"miner-pool-uri": "addresses of mining pools", "miner-donation": "a share for the miner's author",
	"miner-algorithm": "names of proof-of-work algorithms", "miner-login": "messages to a mining pool",
}

# origins is where the content was met: in a process that ran it, or as a file.
origins(sha, content) := first if {
	ran := [p | some p in lib.loaded; p.sha256 == sha]
	count(ran) > 0
	p := ran[0]
	first := {"path": p.exe, "event": p.event, "ms": p.start_ms, "process": p.id, "lineage": p.lineage_id}
} else := first if {
	left := [file | some list in [input.files.created, input.files.modified]; some file in list; file.sha256 == sha]
	count(left) > 0
	file := left[0]
	first := {"path": file.path, "event": file.event, "ms": 0, "process": file.writer, "lineage": lib.lineage(file.writer)}
} else := {"path": object.get(content, ["paths", 0], sha), "event": 0, "ms": 0, "process": "", "lineage": ""}
