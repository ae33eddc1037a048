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

# Nobody has looked up the user: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.account.known
	some control in {"root_user"}
	why := object.get(input, ["image", "account", "reason"], "nobody has looked up the user of this image")
	reason := {"control": control, "msg": why, "missing": true}
}
