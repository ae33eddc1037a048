# METADATA
# title: "exempt"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance.exempt

# Every image.
in_scope := true

# excused by jane until 2027-02-01T00:00:00Z: moves soon
exempt contains reason if {
	some name in input.image.names
	startswith(name, "team/old:")
	time.parse_rfc3339_ns(input.now) < 1801440000000000000
	reason := {"control": "*", "msg": "excused by jane until 2027-02-01T00:00:00Z: moves soon"}
}

# excused by john: an image to build upon
exempt contains reason if {
	some name in input.image.repositories
	name == "team/base"
	reason := {"control": "root_user", "msg": "excused by john: an image to build upon"}
}

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
