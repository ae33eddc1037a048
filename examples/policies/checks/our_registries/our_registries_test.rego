package checks.our_registries_test

import data.checks.our_registries
import data.facts

test_ours_passes if {
	count(our_registries.deny) == 0 with input as facts.image({"registry": "registry.example.com"})
}

test_another_fails if {
	some message in our_registries.deny with input as facts.image({"registry": "docker.io"})
	startswith(message, "comes from docker.io")
}

test_a_look_alike_fails if {
	count(our_registries.deny) == 1 with input as facts.image({"registry": "registry.example.com.evil.example"})
}
