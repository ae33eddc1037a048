# METADATA
# title: "empty-lists"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["empty-lists"]

# Every image.
in_scope := true

malware_counts(m) if {
	m.path
}

# METADATA
# title: Malware
# description: Known malware is among the image's files.
# custom:
#   control: malware
deny contains finding if {
	input.summary.malware > 0
	names := {sprintf("%s in %s", [m.name, m.path]) |
		some m in input.malware.items
		malware_counts(m)
	}
	count(names) > 0
	finding := {
		"control": "malware",
		"msg": listed(names),
		"facts": {"malware_found": count(names)},
	}
}

# METADATA
# title: Sensitive data
# description: A credential is among the image's files.
# custom:
#   control: sensitive_data
deny contains finding if {
	input.summary.secrets > 0
	names := {sprintf("%s in %s", [s.type, s.path]) |
		some s in input.secrets.items
	}
	count(names) > 0
	finding := {
		"control": "sensitive_data",
		"msg": listed(names),
		"facts": {"sensitive_data_found": count(names)},
	}
}

# METADATA
# title: Aggregated vulnerability
# description: A vulnerability has both the severity and the score that this policy names.
# custom:
#   control: aggregated_vulnerability
deny contains finding if {
	names := {sprintf("%s (%s)", [v.id, v.package]) |
		some v in counted
	}
	count(names) > 0
	finding := {
		"control": "aggregated_vulnerability",
		"msg": listed(names),
		"facts": {"vulnerabilities_found": count(names)},
	}
}

# METADATA
# title: Denied vulnerabilities
# description: The image has a vulnerability that this policy denies by name.
# custom:
#   control: cve_blacklist
deny contains finding if {
	denied := object.keys(input.vulnerabilities.by_id) & set()
	found := denied
	count(found) > 0
	finding := {
		"control": "cve_blacklist",
		"msg": listed(found),
		"facts": {"denied_vulnerabilities_found": sort(found)},
	}
}

# METADATA
# title: Exploitability
# description: A vulnerability has a known exploit.
# custom:
#   control: exploitability
deny contains finding if {
	names := {sprintf("%s (%s): %s", [v.id, v.package, exploit]) |
		some v in counted
		some exploit in v.exploits
	}
	count(names) > 0
	finding := {
		"control": "exploitability",
		"msg": listed(names),
		"facts": {"exploitable_vulnerabilities_found": count(names)},
	}
}

denied_package := set()

# METADATA
# title: Denied packages
# description: A package that this policy denies is in the image.
# custom:
#   control: blacklisted_packages
deny contains finding if {
	names := {sprintf("%s %s", [p.name, p.full_version]) | some p in denied_package}
	count(names) > 0
	finding := {
		"control": "blacklisted_packages",
		"msg": listed(names),
		"facts": {"blacklisted_packages_found": sort(names)},
	}
}

missing_package := set()

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

denied_license(license) if license in set()

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

allowed_license(license) if license in set()

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

missing_label := set()

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

forbidden_label := set()

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

trusted_base := false

# METADATA
# title: Trusted base images
# description: The image is not built on an image that this policy trusts.
# custom:
#   control: trusted_base_images
deny contains finding if {
	input.image.base_images.known
	not trusted_base
	finding := {
		"control": "trusted_base_images",
		"msg": "is not built on a trusted base image",
		"facts": {"allowed_base_images": []},
	}
}

# Nobody has looked for malware: what needs to know is skipped, not passed.
skip contains reason if {
	not input.malware.known
	some control in {"malware"}
	why := object.get(input, ["malware", "reason"], "nobody has looked for malware in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has looked for secrets: what needs to know is skipped, not passed.
skip contains reason if {
	not input.secrets.known
	some control in {"sensitive_data"}
	why := object.get(input, ["secrets", "reason"], "nobody has looked for secrets in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"aggregated_vulnerability", "cve_blacklist", "exploitability"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"blacklisted_packages", "required_packages", "license", "whitelisted_licenses"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody knows the base image: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.base_images.known
	some control in {"trusted_base_images"}
	why := object.get(input, ["image", "base_images", "reason"], "nobody knows what this image is built on")
	reason := {"control": control, "msg": why, "missing": true}
}

# Vulnerabilities that count for this policy.
counted := [v |
	some v in input.vulnerabilities.items
]

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
