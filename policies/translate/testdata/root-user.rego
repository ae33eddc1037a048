# METADATA
# title: "root-user"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["root-user"]

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
