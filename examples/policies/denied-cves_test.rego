package examples.denied_cves_test

import data.assurance["denied-cves"] as policy
import data.facts

test_log4shell_fails_without_severity if {
	some finding in policy.deny with input as facts.vulnerable({"id": "CVE-2021-44228", "severity": ""})
	finding.facts.denied_vulnerabilities_found == ["CVE-2021-44228"]
}

test_a_remote_exploit_fails if {
	some finding in policy.deny with input as facts.vulnerable({"exploits": ["remote"]})
	finding.control == "exploitability"
}

test_a_local_exploit_passes if {
	count(policy.deny) == 0 with input as facts.vulnerable({"exploits": ["local"]})
}

test_ignored_passes if {
	count(policy.deny) == 0 with input as facts.vulnerable({"id": "CVE-2019-1010022", "exploits": ["remote"]})
}
