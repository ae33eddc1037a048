package examples.dta_test

import data.assurance.DTA as policy
import data.facts

test_tagged_or_labelled if {
	policy.in_scope with input as facts.image({"names": ["shop/web:DTA"]})
	policy.in_scope with input as facts.image({"aqua_labels": ["DTA"]})
	not policy.in_scope with input as facts.nginx
}

test_malicious_fails if {
	some finding in policy.deny with input as object.union(facts.nginx, {"dta": {"verdict": "malicious", "malicious": true}})
	finding.control == "dta"
}

test_a_severe_finding_fails if {
	count(policy.deny) == 1 with input as object.union(facts.nginx, {"dta": {"verdict": "suspicious", "severity": "high"}})
	count(policy.deny) == 0 with input as object.union(facts.nginx, {"dta": {"verdict": "suspicious", "severity": "medium"}})
}

test_inconclusive_warns if {
	count(policy.warn) == 1 with input as object.union(facts.nginx, {"dta": {"verdict": "inconclusive"}})
}

test_not_run_yet_waits if {
	count(policy.pending) == 1 with input as object.union(facts.nginx, {"dta": {"status": "none"}})
}
