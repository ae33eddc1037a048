package checks.no_package_manager_test

import data.checks.no_package_manager
import data.facts

test_apt_fails if {
	some finding in no_package_manager.deny with input as facts.packages([{"format": "deb", "name": "apt", "full_version": "2.6.1"}])
	finding.package == "apt"
}

test_a_library_passes if {
	count(no_package_manager.deny) == 0 with input as facts.packages([{"format": "deb", "name": "libc6", "full_version": "2.36-9"}])
}

test_unknown_is_said if {
	count(no_package_manager.warn) == 1 with input as object.union(facts.nginx, {"packages": {"known": false, "items": []}})
}
