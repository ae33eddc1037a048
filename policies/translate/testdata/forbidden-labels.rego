# METADATA
# title: "forbidden-labels"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["forbidden-labels"]

# Every image.
in_scope := true

# maintainer
forbidden_label contains concat("=", ["maintainer", input.image.labels.maintainer]) if {
	input.image.labels.maintainer != null
}

# debug*=true
forbidden_label contains sprintf("%s=%s", [key, value]) if {
	some key, value in input.image.labels
	startswith(key, "debug")
	value == "true"
}

# METADATA
# title: Forbidden labels
# description: A label that this policy forbids is on the image.
# custom:
#   control: forbidden_labels
deny contains finding if {
	count(forbidden_label) > 0
	finding := {
		"control": "forbidden_labels",
		"msg": sprintf("has the label %s", [listed(forbidden_label)]),
		"facts": {"forbidden_labels_found": sort(forbidden_label)},
	}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
