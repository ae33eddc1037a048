package checks.base_image_age_test

import data.checks.base_image_age
import data.facts

made(when) := object.union(facts.image({"history": [{"created": when, "created_by": "ADD rootfs.tar /"}]}), {"now": "2026-11-01T00:00:00Z"})

test_at_the_limit_passes if {
	count(base_image_age.deny) == 0 with input as made("2026-07-04T00:00:00Z")
}

test_a_day_later_fails if {
	some finding in base_image_age.deny with input as made("2026-07-03T00:00:00Z")
	finding.age_days == 121
}

test_no_history_is_said if {
	count(base_image_age.warn) == 1 with input as facts.image({"history": []})
	count(base_image_age.deny) == 0 with input as facts.image({"history": []})
}

test_a_build_without_times_is_said if {
	count(base_image_age.warn) == 1 with input as made("1970-01-01T00:00:00Z")
}
