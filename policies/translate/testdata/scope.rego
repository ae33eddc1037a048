# METADATA
# title: "scope"
# custom:
#   scope: "(image.repo.prod/* OR aqua.registry.ghcr.io) AND NOT (aqua.label.reviewed AND kubernetes.namespace.dev-*)"
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance.scope

# (image.repo.prod/* OR aqua.registry.ghcr.io) AND NOT (aqua.label.reviewed AND kubernetes.namespace.dev-*)
in_scope if {
	part1
	not part2
}

part1 if v1

part1 if v2

part2 if {
	v3
	v4
}

# image.repo.prod/*
v1 if {
	some value in input.image.repositories
	startswith(value, "prod/")
}

# aqua.registry.ghcr.io
v2 if "ghcr.io" in input.image.registries

# aqua.label.reviewed
v3 if "reviewed" in input.image.aqua_labels

# kubernetes.namespace.dev-*
v4 if startswith(input.context.namespace, "dev-")

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

# Nobody has looked up the user: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.account.known
	some control in {"root_user"}
	why := object.get(input, ["image", "account", "reason"], "nobody has looked up the user of this image")
	reason := {"control": control, "msg": why, "missing": true}
}
