package examples.licences_test

import data.assurance.licences as policy
import data.facts

under(license) := facts.packages([{"format": "deb", "name": "thing", "version": "1", "full_version": "1", "licenses": ["MIT", license]}])

test_agpl_fails_in_any_case if {
	some finding in policy.deny with input as under("agpl-3.0-only")
	finding.facts.blacklisted_licenses_found == ["agpl-3.0-only"]
}

test_gpl_passes if {
	count(policy.deny) == 0 with input as under("GPL-3.0-or-later")
}

test_unknown_packages_are_skipped if {
	some reason in policy.skip with input as object.union(facts.nginx, {"packages": {"known": false}})
	reason.control == "license"
}
