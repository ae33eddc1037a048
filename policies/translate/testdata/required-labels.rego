# METADATA
# title: "required-labels"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["required-labels"]

# Every image.
in_scope := true

# org.opencontainers.image.source
missing_label contains "org.opencontainers.image.source" if not has_label_1

has_label_1 if {
	input.image.labels["org.opencontainers.image.source"] != null
}

# stage=prod*
missing_label contains "stage=prod*" if not has_label_2

has_label_2 if {
	startswith(input.image.labels.stage, "prod")
}

# METADATA
# title: Required labels
# description: A label that this policy requires is not on the image.
# custom:
#   control: required_labels
deny contains finding if {
	count(missing_label) > 0
	finding := {
		"control": "required_labels",
		"msg": sprintf("lacks the label %s", [listed(missing_label)]),
		"facts": {"required_labels_missing": sort(missing_label)},
	}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
