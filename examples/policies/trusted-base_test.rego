package examples.trusted_base_test

import data.assurance["trusted-base"] as policy
import data.facts

built_on(base) := facts.image({"base_images": {"known": true, "items": [base]}})

ours := {"registry": "registry.example.com", "registries": ["registry.example.com"], "repository": "base/java", "repositories": ["base/java"], "names": ["base/java:21"], "tag": "21"}

test_ours_passes if {
	count(policy.deny) == 0 with input as built_on(ours)
}

test_the_same_name_elsewhere_fails if {
	count(policy.deny) == 1 with input as built_on(object.union(ours, {"registry": "docker.io", "registries": ["docker.io"]}))
}

test_no_base_fails if {
	count(policy.deny) == 1 with input as facts.nginx
}

test_an_unknown_base_is_skipped if {
	some reason in policy.skip with input as facts.image({"base_images": {"known": false}})
	reason.control == "trusted_base_images"
}

test_bases_themselves_are_not_asked if {
	not policy.in_scope with input as facts.image({"registries": ["registry.example.com"], "repositories": ["base/java"]})
}
