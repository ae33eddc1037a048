package checks.no_latest_test

import data.checks.no_latest
import data.facts

test_latest_fails if {
	count(no_latest.deny) == 1 with input as facts.image({"tags": ["latest"]})
}

test_any_case_fails if {
	count(no_latest.deny) == 1 with input as facts.image({"tags": ["Latest", "main"]})
}

test_version_passes if {
	count(no_latest.deny) == 0 with input as facts.image({"tags": ["1.27"]})
}

test_version_beside_latest_passes if {
	count(no_latest.deny) == 0 with input as facts.image({"tags": ["latest", "1.27"]})
}

test_digest_alone_passes if {
	count(no_latest.deny) == 0 with input as facts.image({"tags": []})
}
