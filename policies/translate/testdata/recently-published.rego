# METADATA
# title: "recently-published"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["recently-published"]

# Every image.
in_scope := true

# METADATA
# title: Vulnerability severity
# description: A vulnerability has severity high or worse.
# custom:
#   control: max_severity
deny contains finding if {
	found := {severity: names |
		some severity in ["critical", "high"]
		names := {sprintf("%s (%s)", [v.id, v.package]) |
			some v in counted
			v.severity == severity
		}
		count(names) > 0
	}
	worst := [severity | some severity in ["critical", "high"]; found[severity]][0]
	finding := {
		"control": "max_severity",
		"msg": sprintf("severity %s (fails from high on): %s", [worst, listed(found[worst])]),
		"facts": {"maximum_severity_allowed": "high", "maximum_severity_found": worst},
	}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_severity"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Vulnerabilities that count for this policy.
counted := [v |
	some v in input.vulnerabilities.items
	not recent(v, "published", 604800000000000)
	not recent(v, "fix_published", 1209600000000000)
]

# What nobody knows the date of is not recent.
recent(v, date, period) if {
	time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(v[date]) < period
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
