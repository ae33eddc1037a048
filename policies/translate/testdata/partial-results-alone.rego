# METADATA
# title: "partial-results-alone"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["partial-results-alone"]

# Every image.
in_scope := true

# METADATA
# title: Root user
# description: The image runs as root.
# custom:
#   control: root_user
deny contains finding if {
	input.image.runs_as_root == true
	finding := {
		"control": "root_user",
		"msg": "runs as root; set another user with USER",
		"facts": {"user": input.image.user},
	}
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

# Nobody has looked up the user: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.account.known
	some control in {"root_user"}
	why := object.get(input, ["image", "account", "reason"], "nobody has looked up the user of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
