# METADATA
# title: "license"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance.license

# Every image.
in_scope := true

denied_license(license) if license in {"agpl-3.0-only"}

denied_license(license) if startswith(license, "sspl")

# METADATA
# title: Denied licences
# description: A package is under a licence that this policy denies.
# custom:
#   control: license
deny contains finding if {
	found := {[license, p.name] |
		some p in input.packages.items
		some license in p.licenses
		denied_license(lower(license))
	}
	count(found) > 0
	names := {sprintf("%s (%s)", pair) | some pair in found}
	finding := {
		"control": "license",
		"msg": listed(names),
		"facts": {"blacklisted_licenses_found": sort({license | some [license, _] in found})},
	}
}

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"license"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
