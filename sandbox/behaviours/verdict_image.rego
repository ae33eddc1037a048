# METADATA
# title: From the verdicts on passes to the verdict on an image
# description: >-
#   An image is detonated in passes, and judged as one. What one pass proves is
#   proved, and what is suspicious in one is suspicious. Beyond that, signals of
#   different passes add up as those of one pass do: two independent ones of high
#   severity and different kind in one lineage are proof (C), three of medium
#   severity are suspicious. What is done again in another pass is one signal.
#   Otherwise the pass that stands for the image says what it says: another one
#   that failed takes nothing away.
#
#   input.main, input.passes[_]: pass, verdict, reason, score; the first pass is "".
#   input.signals[_]: slug, category, group, severity, pass, family (the
#   lineage over all passes), events, and subjects: what the evidence is about,
#   without what differs from pass to pass. A behaviour in a family and pass once.
#   input.families: the numbers of the signals of each family that has several.
#   input.critical_lost: of all passes.
package sallyport.verdict.image

import data.sallyport.verdict.rank

result := {
	"verdict": verdict,
	"malicious": verdict == "malicious",
	"severity": severity,
	"score": score,
	"reason": reason,
}

default verdict := "clean"

verdict := "malicious" if count(malicious_passes) + count(joined) > 0

else := "suspicious" if count(suspicious_passes) > 0

else := "suspicious" if widespread

else := "inconclusive" if input.main.verdict == "inconclusive"

else := "inconclusive" if input.critical_lost > 0

else := input.main.verdict

malicious_passes := [p | some p in input.passes; p.verdict == "malicious"]

suspicious_passes := [p | some p in input.passes; p.verdict == "suspicious"]

# C, over passes, where none of them is proof already: the passes in which two behaviours were seen.
joined[pair] contains seen if {
	count(malicious_passes) == 0
	some family in input.families
	strong := [s | some i in family; s := input.signals[i]; rank[s.severity] >= rank.high]
	some a in strong
	some b in strong
	a.slug < b.slug
	a.pass != b.pass
	a.group != b.group
	count({x | some x in a.subjects} & {x | some x in b.subjects}) == 0
	not decided(family, a.slug, b.slug)
	pair := [a.slug, b.slug]
	seen := [a.pass, b.pass]
}

# decided: one pass saw both, and either they were one signal there, or it had
# all there is to know of them.
decided(family, x, y) if {
	some i in family
	a := input.signals[i]
	a.slug == x
	some k in family
	b := input.signals[k]
	b.slug == y
	a.pass == b.pass
	not apart(a, b)
}

# apart: of two signals of one pass, one was too weak to count there, and nothing was told twice.
apart(a, b) if {
	min([rank[a.severity], rank[b.severity]]) < rank.high
	count({e | some e in a.events} & {e | some e in b.events}) == 0
}

widespread if {
	medium := [s | some s in input.signals; s.severity == "medium"]
	count({s.slug | some s in medium}) >= 3
	count({s.category | some s in medium}) >= 2
}

default severity := ""

severity := s if {
	highest := max({rank[f.severity] | some f in input.signals})
	some s, r in rank
	r == highest
}

highest_score := max([p.score | some p in input.passes])

score := max([highest_score, min([100, 90 + (4 * count(joined))])]) if verdict == "malicious"

else := max([highest_score, 50 + (2 * count({s.slug | some s in input.signals}))]) if verdict == "suspicious"

else := highest_score

in_pass(text, "") := text

in_pass(text, pass) := sprintf("%s (in the pass %q)", [text, pass]) if pass != ""

reason := in_pass(malicious_passes[0].reason, malicious_passes[0].pass) if verdict == "malicious"

else := concat("; ", [sprintf("independent in one lineage: %s and %s", [in_pass(pair[0], first[0]), in_pass(pair[1], first[1])]) |
	some pair, seen in joined
	first := min(seen)
]) if {
	verdict == "malicious"
}

else := in_pass(suspicious_passes[0].reason, suspicious_passes[0].pass) if verdict == "suspicious"

else := sprintf("seen, but not proved to be malicious: %s", [concat(", ", sort({s.slug | some s in input.signals}))]) if verdict == "suspicious"

else := input.main.reason if verdict == input.main.verdict

else := sprintf("%d critical events were lost", [input.critical_lost])
