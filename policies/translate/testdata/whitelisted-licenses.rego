# METADATA
# title: "whitelisted-licenses"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["whitelisted-licenses"]

# Every image.
in_scope := true

allowed_license(license) if license in {"apache-2.0", "mit"}

allowed_license(license) if startswith(license, "gpl")

# METADATA
# title: Allowed licences
# description: A package is under a licence that this policy does not allow.
# custom:
#   control: whitelisted_licenses
deny contains finding if {
	found := {[license, p.name] |
		some p in input.packages.items
		some license in p.licenses
		license != "NOASSERTION"
		not allowed_license(lower(license))
	}
	count(found) > 0
	names := {sprintf("%s (%s)", pair) | some pair in found}
	finding := {
		"control": "whitelisted_licenses",
		"msg": listed(names),
		"facts": {"licenses_not_allowed_found": sort({license | some [license, _] in found})},
	}
}

# What nobody knows the licence of is said, and fails nothing: deny NOASSERTION for that.
warn contains remark if {
	input.packages.known
	names := {p.name |
		some p in input.packages.items
		every license in p.licenses {
			license == "NOASSERTION"
			not allowed_license(lower(license))
		}
	}
	count(names) > 0
	remark := {"control": "whitelisted_licenses", "msg": sprintf("nobody knows the licence of %s", [listed(names)])}
}

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"whitelisted_licenses"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
