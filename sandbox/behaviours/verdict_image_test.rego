package sallyport.verdict.image_test

import data.sallyport.verdict.image

pass(name, verdict) := {"pass": name, "verdict": verdict, "reason": sprintf("%s: %s", [verdict, name]), "score": 5}

signal(slug, pass, severity, parts) := object.union(
	{
		"slug": slug, "category": "communication", "group": slug, "severity": severity, "pass": pass,
		"family": "0/1.0", "events": [], "subjects": [],
	},
	parts,
)

verdict_of(passes, signals) := r if {
	r := image.result with input as {
		"main": passes[0], "passes": passes, "signals": signals, "critical_lost": 0,
		"families": {"0/1.0": [i | some i, s in signals; s.family == "0/1.0"]},
	}
}

clean := [pass("", "clean"), pass("bait", "clean")]

suspicious := [pass("", "suspicious"), pass("bait", "suspicious")]

test_proof_in_one_pass_is_proof if {
	r := verdict_of([pass("", "inconclusive"), pass("bait", "malicious")], [])
	r.verdict == "malicious"
	r.malicious
	r.reason == `malicious: bait (in the pass "bait")`
}

test_signals_of_two_passes_add_up if {
	r := verdict_of(suspicious, [signal("a", "", "high", {}), signal("b", "bait", "critical", {})])
	r.verdict == "malicious"
	r.severity == "critical"
	r.score >= 90
	r.reason == `independent in one lineage: a and b (in the pass "bait")`
}

test_not_added_up if {
	every parts in [{"group": "a"}, {"subjects": ["x"]}, {"pass": ""}, {"severity": "medium"}, {"family": "1/7.0"}, {"slug": "a"}] {
		a := signal("a", "", "high", {"subjects": ["x"]})
		verdict_of(suspicious, [a, signal("b", "bait", "high", parts)]).verdict == "suspicious"
	}
}

# A pass that saw both decides whether they are one signal.
test_not_what_a_pass_saw_together if {
	a := signal("a", "", "high", {"events": [1]})
	b := signal("b", "bait", "high", {"events": [12]})
	verdict_of(suspicious, [a, b, signal("a", "bait", "medium", {"events": [12]})]).verdict == "suspicious"
	verdict_of(suspicious, [a, b, signal("a", "bait", "high", {"events": [11]})]).verdict == "suspicious"
	verdict_of(suspicious, [a, b, signal("a", "bait", "medium", {"events": [11]})]).verdict == "malicious"
}

test_lesser_signals_of_passes_are_at_most_suspicious if {
	list := [signal("a", "", "medium", {}), signal("b", "bait", "medium", {}), signal("c", "bait", "medium", {"category": "propagation"})]
	r := verdict_of(clean, list)
	r.verdict == "suspicious"
	r.reason == "seen, but not proved to be malicious: a, b, c"
}

# The same in another pass is no further sign.
test_not_lesser_signals_seen_again if {
	list := [
		signal("a", "", "medium", {}), signal("a", "bait", "medium", {}),
		signal("c", "", "medium", {"category": "propagation"}), signal("c", "bait", "medium", {"category": "propagation"}),
	]
	verdict_of(clean, list).verdict == "clean"
}

test_the_main_pass_speaks if {
	verdict_of([pass("", "inconclusive"), pass("bait", "clean")], []).reason == "inconclusive: "
	verdict_of([pass("", "clean"), pass("bait", "inconclusive")], []).verdict == "clean"
}
