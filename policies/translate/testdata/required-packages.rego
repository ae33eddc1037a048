# METADATA
# title: "required-packages"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["required-packages"]

# Every image.
in_scope := true

missing_package contains name if {
	some name in {"ca-certificates"}
	not name in {p.name |
		some p in input.packages.items
		not p.claimed
	}
}

# tzdata >=2024
missing_package contains "tzdata >=2024" if not has_package_1

has_package_1 if {
	some p in input.packages.items
	not p.claimed
	p.name == "tzdata"
	bound1 := {"deb": "0#42024##0#", "rpm": "0(42024##", "apk": "l42024e0", "other": "k42024h"}
	p.version_key >= bound1[p.version_kind]
}

# METADATA
# title: Required packages
# description: A package that this policy requires is not in the image.
# custom:
#   control: required_packages
deny contains finding if {
	input.packages.known
	count(missing_package) > 0
	finding := {
		"control": "required_packages",
		"msg": sprintf("lacks %s", [listed(missing_package)]),
		"facts": {"required_packages_missing": sort(missing_package)},
	}
}

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"required_packages"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
