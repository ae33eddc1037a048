package examples.hardened_test

import data.assurance.hardened as policy
import data.facts

test_only_what_is_labelled if {
	policy.in_scope with input as facts.image({"aqua_labels": ["internet-facing"]})
	not policy.in_scope with input as facts.image({"aqua_labels": ["internal"]})
}
