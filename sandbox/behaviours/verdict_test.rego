package sallyport.verdict_test

import data.sallyport.verdict

good := {
	"status": "timeout", "ran_entrypoint": true, "duration_ns": 180000000000,
	"counts": {"critical_lost": 0, "dropped": {}},
}

finding(slug, severity, parts) := object.union(
	{"slug": slug, "category": "communication", "group": slug, "severity": severity, "malicious": false, "lineage": "1.0", "events": []},
	parts,
)

verdict_of(findings, run) := r if {
	r := verdict.result with input as {"findings": findings, "run": object.union(good, run), "unjudged": []}
}

test_clean if {
	r := verdict_of([], {})
	r.verdict == "clean"
	r.severity == ""
	r.score == 0
}

test_low_findings_stay_clean if {
	r := verdict_of([finding("a", "low", {}), finding("b", "medium", {})], {})
	r.verdict == "clean"
	r.severity == "medium"
}

test_proof_is_malicious if {
	r := verdict_of([finding("a", "high", {"malicious": true})], {})
	r.verdict == "malicious"
	r.malicious
	r.severity == "high"
	r.score >= 90
}

test_two_independent_signals_are_malicious if {
	r := verdict_of([finding("a", "high", {"events": [1]}), finding("b", "high", {"events": [2]})], {})
	r.verdict == "malicious"
}

test_two_signals_need_one_lineage_two_groups_and_events_of_their_own if {
	every parts in [{"lineage": "7.0"}, {"group": "a"}, {"events": [1]}] {
		r := verdict_of([finding("a", "high", {"events": [1]}), finding("b", "high", object.union({"events": [2]}, parts))], {})
		r.verdict == "suspicious"
	}
}

test_findings_without_process_are_not_in_one_lineage if {
	r := verdict_of([finding("a", "high", {"lineage": ""}), finding("b", "high", {"lineage": ""})], {})
	r.verdict == "suspicious"
}

test_three_medium_over_two_categories_are_suspicious if {
	three := [finding("a", "medium", {}), finding("b", "medium", {}), finding("c", "medium", {"category": "propagation"})]
	verdict_of(three, {}).verdict == "suspicious"
	verdict_of([object.union(f, {"category": "propagation"}) | some f in three], {}).verdict == "clean"
	verdict_of(array.slice(three, 1, 3), {}).verdict == "clean"
}

test_many_lesser_findings_are_never_malicious if {
	many := [finding(sprintf("s%d", [i]), "medium", {"category": ["communication", "propagation"][i % 2], "events": [i]}) | some i in numbers.range(1, 50)]
	verdict_of(many, {}).verdict == "suspicious"
}

test_runs_that_prove_nothing if {
	every run in [
		{"ran_entrypoint": false},
		{"status": "failed", "reason": "out of memory"},
		{"counts": {"critical_lost": 1}},
		{"counts": {"dropped": {"connect": 9}}},
		{"unrecorded_flows": 7},
		{"exit": {"code": 127}},
		{"status": "completed", "exit": {"code": 1}, "duration_ns": 200000000},
		{"status": "completed", "exit": {"code": 0, "signal": 11}},
	] {
		r := verdict_of([], run)
		r.verdict == "inconclusive"
		r.reason != ""
	}
}

test_runs_that_are_good_enough if {
	every run in [
		{"status": "completed", "exit": {"code": 0}, "duration_ns": 200000000},
		{"status": "completed", "exit": {"code": 1}, "duration_ns": 90000000000},
		{"counts": {"dropped": {"open": 100000}}},
	] {
		verdict_of([], run).verdict == "clean"
	}
}

# Proof stays proof, however the run ended.
test_fault_does_not_excuse if {
	r := verdict_of([finding("a", "critical", {"malicious": true})], {"status": "failed", "counts": {"critical_lost": 4}})
	r.verdict == "malicious"
}

test_rule_that_failed_is_a_doubt if {
	r := verdict.result with input as {"findings": [], "run": good, "unjudged": ["reverse-shell"]}
	r.verdict == "inconclusive"
	contains(r.reason, "reverse-shell")
}
