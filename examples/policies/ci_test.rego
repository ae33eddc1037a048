package examples.ci_test

import data.assurance.ci as policy
import data.facts

controls(facts_of) := {finding.control | some finding in policy.deny with input as facts_of}

test_medium_with_a_fix_fails if {
	"max_severity" in controls(facts.vulnerable({"severity": "medium", "score": 5, "fix_version": "2"}))
}

test_medium_with_a_high_score_fails_without_a_fix_too if {
	"aggregated_vulnerability" in controls(facts.vulnerable({"severity": "medium", "score": 7}))
	not "aggregated_vulnerability" in controls(facts.vulnerable({"severity": "medium", "score": 6.9}))
}

test_what_nobody_scanned_for_is_skipped if {
	some reason in policy.skip with input as object.union(facts.nginx, {"secrets": {"known": false}})
	reason.control == "sensitive_data"
}
