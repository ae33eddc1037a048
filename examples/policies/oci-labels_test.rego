package examples.oci_labels_test

import data.assurance["oci-labels"] as policy
import data.facts

good := {
	"org.opencontainers.image.source": "https://git.example.com/shop",
	"org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
	"org.opencontainers.image.vendor": "Example Ltd",
}

labelled(labels) := object.union(object.remove(facts.nginx, ["image"]), {"image": object.union(object.remove(facts.nginx.image, ["labels"]), {"labels": labels})})

test_all_labels_pass if {
	count(policy.deny) == 0 with input as labelled(good)
}

test_a_missing_label_is_named if {
	some finding in policy.deny with input as labelled(object.remove(good, ["org.opencontainers.image.source"]))
	contains(finding.msg, "org.opencontainers.image.source")
}

test_another_vendor_fails if {
	some finding in policy.deny with input as labelled(object.union(good, {"org.opencontainers.image.vendor": "Somebody"}))
	finding.control == "required_labels"
}

test_experimental_fails if {
	some finding in policy.deny with input as labelled(object.union(good, {"quality": "experimental"}))
	finding.control == "forbidden_labels"
}

test_not_for_docker_hub if {
	not policy.in_scope with input as facts.nginx
	policy.in_scope with input as facts.image({"registries": ["registry.example.com"]})
}
