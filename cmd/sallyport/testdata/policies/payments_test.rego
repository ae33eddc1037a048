package payments_test

import data.assurance.payments

facts := {"image": {"registry": "registry.test", "repository": "pay/api", "repositories": ["pay/api"], "tags": ["latest"], "runs_as_root": true, "user": ""}}

test_includes_our_images if payments.in_scope with input as facts

test_root_is_denied if {
	some d in payments.deny with input as facts
	d.control == "root_user"
}

test_latest_is_denied if count(data.custom.payments.check2.deny) == 1 with input as facts
