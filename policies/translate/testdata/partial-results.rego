# METADATA
# title: "partial-results"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["partial-results"]

# Every image.
in_scope := true

malware_counts(m) if {
	m.path
}

# METADATA
# title: Malware
# description: Known malware is among the image's files.
# custom:
#   control: malware
deny contains finding if {
	input.summary.malware > 0
	names := {sprintf("%s in %s", [m.name, m.path]) |
		some m in input.malware.items
		not m.pua
		malware_counts(m)
	}
	count(names) > 0
	finding := {
		"control": "malware",
		"msg": listed(names),
		"facts": {"malware_found": count(names)},
	}
}

# Potentially unwanted software is said, and fails nothing.
warn contains remark if {
	input.summary.malware > 0
	names := {sprintf("%s in %s", [m.name, m.path]) |
		some m in input.malware.items
		m.pua
		malware_counts(m)
	}
	count(names) > 0
	remark := {"control": "malware", "msg": sprintf("potentially unwanted: %s", [listed(names)])}
}

# METADATA
# title: Partial results
# description: A control could not be decided for want of facts.
# custom:
#   control: partial_results
deny contains finding if {
	names := {reason.control | some reason in skip; object.get(reason, "missing", false)}
	count(names) > 0
	finding := {
		"control": "partial_results",
		"msg": sprintf("not enough is known for %s", [listed(names)]),
		"facts": {"undecided_controls": sort(names)},
	}
}

# Nobody has looked for malware: what needs to know is skipped, not passed.
skip contains reason if {
	not input.malware.known
	some control in {"malware"}
	why := object.get(input, ["malware", "reason"], "nobody has looked for malware in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
