# METADATA
# title: "dta-severity-and-age"
# custom:
#   scope: "(image.repo.prod/* OR kubernetes.namespace.prod) AND NOT aqua.label.trusted"
#   blocks: false
#   generated: from the assurance policy of the same name; change that one
package assurance["dta-severity-and-age"]

# (image.repo.prod/* OR kubernetes.namespace.prod) AND NOT aqua.label.trusted
in_scope if {
	part1
	not v3
}

part1 if v1

part1 if v2

# image.repo.prod/*
v1 if {
	some value in input.image.repositories
	startswith(value, "prod/")
}

# kubernetes.namespace.prod
v2 if input.context.namespace == "prod"

# aqua.label.trusted
v3 if "trusted" in input.image.aqua_labels

default dta_worst := "no finding was recorded"

dta_worst := input.dta.findings[0].message

# A result that passes counts for 30d; proof of malice does not age.
dta_fresh if {
	age := time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(input.dta.time)
	age <= 2592000000000000
}

# METADATA
# title: Dynamic threat analysis
# description: The sandbox proved that the image is malicious.
# custom:
#   control: dta
deny contains finding if {
	input.dta.status == "done"
	input.dta.malicious == true
	finding := {
		"control": "dta",
		"msg": sprintf("malicious when run: %s", [dta_worst]),
		"facts": {"dta_malicious": true, "dta_severity_found": object.get(input.dta, "severity", "")},
	}
}

# METADATA
# title: Dynamic threat analysis
# description: What the image did when it was run has severity medium or worse.
# custom:
#   control: dta
deny contains finding if {
	input.dta.status == "done"
	input.dta.malicious == false
	input.dta.severity in {"medium", "high", "critical"}
	finding := {
		"control": "dta",
		"msg": sprintf("severity %s when run (fails from medium on): %s", [input.dta.severity, dta_worst]),
		"facts": {"dta_severity_allowed": "medium", "dta_severity_found": input.dta.severity},
	}
}

# METADATA
# title: Dynamic threat analysis
# description: The sandbox could not tell, and this policy wants to know.
# custom:
#   control: dta
deny contains remark if {
	input.dta.status == "done"
	dta_fresh
	input.dta.verdict == "inconclusive"
	remark := {
		"control": "dta",
		"msg": sprintf("dynamic analysis was inconclusive: %s", [object.get(input.dta, "reason", "no reason given")]),
		"facts": {"dta_inconclusive": true},
	}
}

pending contains state if {
	not input.dta.status in {"done", "skipped"}
	state := {"control": "dta", "msg": "waits for dynamic analysis"}
}

pending contains state if {
	input.dta.status == "done"
	not dta_fresh
	state := {"control": "dta", "msg": "the last dynamic analysis is older than 30d"}
}

# Out of the sandbox's reach is said, and fails nothing.
skip contains remark if {
	input.dta.status == "skipped"
	remark := {
		"control": "dta",
		"msg": object.get(input.dta, "reason", "no reason given"),
		"facts": {"dta_skipped": true, "dta_skipped_reason": object.get(input.dta, "reason", "no reason given")},
	}
}
