package checks.oci_labels_test

import data.checks.oci_labels
import data.facts

test_good_labels_pass if {
	count(oci_labels.deny) == 0 with input as facts.image({"labels": {
		"org.opencontainers.image.source": "https://git.example.com/shop",
		"org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
	}})
}

test_no_address_fails if {
	count(oci_labels.deny) == 1 with input as facts.image({"labels": {"org.opencontainers.image.source": "shop"}})
}

test_a_branch_is_no_commit if {
	count(oci_labels.deny) == 1 with input as facts.image({"labels": {"org.opencontainers.image.revision": "main"}})
}
