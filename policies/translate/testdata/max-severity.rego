# METADATA
# title: "max-severity"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["max-severity"]

# Every image.
in_scope := true

# METADATA
# title: Vulnerability severity
# description: A vulnerability has severity high or worse.
# custom:
#   control: max_severity
deny contains finding if {
	input.summary.vulnerabilities.all.max_severity in {"high", "critical"}
	worst := input.summary.vulnerabilities.all
	finding := {
		"control": "max_severity",
		"msg": sprintf("severity %s (fails from high on): %s", [worst.max_severity, worst.max_severity_in]),
		"facts": {"maximum_severity_allowed": "high", "maximum_severity_found": worst.max_severity},
	}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_severity"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}
