package examples.vulnerabilities_test

import data.assurance.vulnerabilities as policy
import data.facts

severe := {"severity": "critical", "score": 9.8, "fix_version": "2", "published": "2026-09-01T00:00:00Z", "fix_published": "2026-09-01T00:00:00Z"}

controls(fields) := {finding.control |
	some finding in policy.deny with input as facts.vulnerable(object.union(severe, fields))
}

test_severe_fails_by_both if {
	controls({}) == {"max_score", "max_severity"}
}

test_the_allowed_score_passes if {
	controls({"severity": "high", "score": 8.9}) == set()
}

test_new_ones_have_a_week if {
	controls({"published": "2026-10-30T00:00:00Z"}) == set()
	controls({"fix_published": "2026-10-30T00:00:00Z"}) == set()
}

test_without_a_fix_passes if {
	count(policy.deny) == 0 with input as facts.vulnerable(object.remove(severe, ["fix_version"]))
}

test_of_the_base_image_passes if {
	controls({"from_base_image": true}) == set()
}
