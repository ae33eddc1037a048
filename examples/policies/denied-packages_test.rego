package examples.denied_packages_test

import data.assurance["denied-packages"] as policy
import data.facts

certificates := {"format": "deb", "name": "ca-certificates", "version": "20230311", "full_version": "20230311"}

test_netcat_fails_under_every_name if {
	every name in ["netcat", "netcat-openbsd", "telnet"] {
		some finding in policy.deny with input as facts.packages([certificates, {"format": "deb", "name": name, "version": "1", "full_version": "1"}])
		finding.control == "blacklisted_packages"
	}
}

test_ordinary_packages_pass if {
	count(policy.deny) == 0 with input as facts.packages([certificates])
}

test_certificates_are_required if {
	some finding in policy.deny with input as facts.packages([])
	finding.control == "required_packages"
}
