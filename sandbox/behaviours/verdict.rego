# METADATA
# title: From findings to a verdict
# description: >-
#   There are three ways to malicious and no other. A finding of its rule says
#   so: (A) what was said or sent is proof, or (B) no container has a good
#   reason for what was done. (C) Two independent findings of high severity and
#   different kind stand in one lineage. Any number of lesser findings is at
#   most suspicious.
#
#   input.findings[_]: slug, category, group, severity, malicious, lineage, events.
#   input.run: as in the observation. input.unjudged: built-in rules that failed.
package sallyport.verdict

result := {
	"verdict": verdict,
	"malicious": verdict == "malicious",
	"severity": severity,
	"score": score,
	"reason": reason[verdict],
}

default verdict := "clean"

verdict := "malicious" if count(proved) + count(pairs) > 0

else := "suspicious" if count(grave) > 0

else := "suspicious" if widespread

else := "inconclusive" if count(doubts) > 0

rank := {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}

# A and B.
proved contains f.slug if {
	some f in input.findings
	f.malicious
}

# C. The same events told twice are one signal.
pairs contains [a.slug, b.slug] if {
	some a in grave
	some b in grave
	a.slug < b.slug
	a.group != b.group
	a.lineage == b.lineage
	a.lineage != ""
	count({e | some e in a.events} & {e | some e in b.events}) == 0
}

grave contains f if {
	some f in input.findings
	rank[f.severity] >= rank.high
}

widespread if {
	medium := [f.category | some f in input.findings; f.severity == "medium"]
	count(medium) >= 3
	count({c | some c in medium}) >= 2
}

# doubts is why a run without findings proves nothing.
doubts contains "the entrypoint did not start" if not input.run.ran_entrypoint

doubts contains sprintf("the run was cut short: %s", [object.get(input.run, "reason", "unknown fault")]) if input.run.status == "failed"

doubts contains sprintf("%d critical events were lost", [input.run.counts.critical_lost]) if input.run.counts.critical_lost > 0

doubts contains sprintf("the entrypoint ended with code %d after %.1f s", [code, input.run.duration_ns / 1000000000]) if {
	code := input.run.exit.code
	code != 0
	failed_early(code)
}

doubts contains sprintf("the entrypoint was ended by signal %d", [input.run.exit.signal]) if {
	input.run.status == "completed"
	input.run.exit.signal > 0
}

doubts contains sprintf("more %s events than could be judged", [kind]) if {
	some kind, n in object.get(input.run.counts, "dropped", {})
	n > 0
	kind in decisive
}

doubts contains sprintf("%d connections more than could be kept", [input.run.unrecorded_flows]) if input.run.unrecorded_flows > 0

doubts contains sprintf("the rule %s failed", [slug]) if some slug in input.unjudged

# Shells say so when there is no such program.
failed_early(code) if code in {126, 127}

# A program that ends this soon lacks something that it needs.
failed_early(_) if {
	input.run.status == "completed"
	input.run.duration_ns < 10 * 1000000000
}

# Kinds of events of which each may be the one that matters.
decisive := {
	"start", "exec", "write", "rename", "mount", "pivot_root", "chroot", "memfd", "mknod",
	"connect", "listen", "accept", "ptrace", "setns", "module", "process_vm",
}

default severity := ""

severity := s if {
	highest := max({rank[f.severity] | some f in input.findings})
	some s, r in rank
	r == highest
}

default score := 0

score := min({100, (90 + (2 * count(proved))) + (4 * count(pairs))}) if verdict == "malicious"

else := min({89, (50 + (8 * count(grave))) + (2 * count(input.findings))}) if verdict == "suspicious"

else := min({49, sum([points[f.severity] | some f in input.findings])})

points := {"info": 1, "low": 5, "medium": 15, "high": 50, "critical": 50}

reason["malicious"] := concat("; ", array.concat(
	[sprintf("proved: %s", [concat(", ", sort(proved))]) | count(proved) > 0],
	[sprintf("independent in one lineage: %s and %s", pair) | some pair in sort(pairs)],
)) if verdict == "malicious"

reason["suspicious"] := sprintf("seen, but not proved to be malicious: %s", [concat(", ", sort({f.slug | some f in input.findings}))])

reason["inconclusive"] := concat("; ", sort(doubts))

reason["clean"] := "nothing of the kind was seen" if count(input.findings) == 0

else := "only what ordinary programs do as well"
