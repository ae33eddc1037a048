# METADATA
# title: "sensitive-data"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["sensitive-data"]

# Every image.
in_scope := true

secret_excepted(path) if path == "/etc/ssl/private/snakeoil.key"

secret_excepted(path) if startswith(path, "/etc/ssl/private/snakeoil.key/")

secret_excepted(path) if contains(path, "/testdata/")

# METADATA
# title: Sensitive data
# description: A credential is among the image's files.
# custom:
#   control: sensitive_data
deny contains finding if {
	input.summary.secrets > 0
	names := {sprintf("%s in %s", [s.type, s.path]) |
		some s in input.secrets.items
		not secret_excepted(s.path)
	}
	count(names) > 0
	finding := {
		"control": "sensitive_data",
		"msg": listed(names),
		"facts": {"sensitive_data_found": count(names)},
	}
}

# Nobody has looked for secrets: what needs to know is skipped, not passed.
skip contains reason if {
	not input.secrets.known
	some control in {"sensitive_data"}
	why := object.get(input, ["secrets", "reason"], "nobody has looked for secrets in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
