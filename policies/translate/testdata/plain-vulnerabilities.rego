# METADATA
# title: "plain-vulnerabilities"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["plain-vulnerabilities"]

# Every image.
in_scope := true

# METADATA
# title: Vulnerability severity
# description: A vulnerability has severity critical or worse.
# custom:
#   control: max_severity
deny contains finding if {
	input.summary.vulnerabilities.fixable.max_severity in {"critical"}
	worst := input.summary.vulnerabilities.fixable
	finding := {
		"control": "max_severity",
		"msg": sprintf("severity %s (fails from critical on): %s", [worst.max_severity, worst.max_severity_in]),
		"facts": {"maximum_severity_allowed": "critical", "maximum_severity_found": worst.max_severity},
	}
}

# METADATA
# title: Vulnerability score
# description: A vulnerability has a score above 7.
# custom:
#   control: max_score
deny contains finding if {
	input.summary.vulnerabilities.fixable.max_score > 7
	worst := input.summary.vulnerabilities.fixable
	finding := {
		"control": "max_score",
		"msg": sprintf("score %v (allowed up to 7): %s", [worst.max_score, worst.max_score_in]),
		"facts": {"maximum_score_allowed": 7, "maximum_score_found": worst.max_score},
	}
}

# METADATA
# title: Denied vulnerabilities
# description: The image has a vulnerability that this policy denies by name.
# custom:
#   control: cve_blacklist
deny contains finding if {
	denied := object.keys(input.vulnerabilities.by_id) & {"CVE-2021-44228"}
	found := {id | some id in denied; input.vulnerabilities.by_id[id].fixable}
	count(found) > 0
	finding := {
		"control": "cve_blacklist",
		"msg": listed(found),
		"facts": {"denied_vulnerabilities_found": sort(found)},
	}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_severity", "max_score", "cve_blacklist"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
