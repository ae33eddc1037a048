package examples.named_images_test

import data.assurance["named-images"] as policy
import data.facts

test_the_withdrawn_release_fails if {
	some finding in policy.deny with input as facts.image({"names": ["shop/checkout:4.2.0"]})
	finding.control == "allowed_images"
	contains(finding.msg, "charges twice")
}

test_the_appliance_is_excused_from_everything if {
	some excuse in policy.exempt with input as facts.image({"names": ["vendor/appliance:7"], "registries": ["registry.example.com"]})
	excuse.control == "*"
}

test_not_from_elsewhere if {
	count(policy.exempt) == 0 with input as facts.image({"names": ["vendor/appliance:7"]})
}
