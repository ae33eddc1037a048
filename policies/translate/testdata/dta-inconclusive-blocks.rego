# METADATA
# title: "dta-inconclusive-blocks"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["dta-inconclusive-blocks"]

# Every image.
in_scope := true

default dta_worst := "no finding was recorded"

dta_worst := input.dta.findings[0].message

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
# description: The sandbox could not tell, and this policy wants to know.
# custom:
#   control: dta
deny contains remark if {
	input.dta.status == "done"
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

# Out of the sandbox's reach is said, and fails nothing.
skip contains remark if {
	input.dta.status == "skipped"
	remark := {
		"control": "dta",
		"msg": object.get(input.dta, "reason", "no reason given"),
		"facts": {"dta_skipped": true, "dta_skipped_reason": object.get(input.dta, "reason", "no reason given")},
	}
}
