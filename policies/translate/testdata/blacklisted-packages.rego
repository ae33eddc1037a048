# METADATA
# title: "blacklisted-packages"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["blacklisted-packages"]

# Every image.
in_scope := true

denied_package contains p if {
	some p in input.packages.items
	p.name in {"netcat"}
}

# openssl <3.0.11-1~deb12u2 of deb
denied_package contains p if {
	some p in input.packages.items
	p.name == "openssl"
	p.format == "deb"
	p.version_key < "0#13{2e#0{2e#211##11!deb#212u#12#"
}

# log4j* >=2,<2.17.1
denied_package contains p if {
	some p in input.packages.items
	startswith(p.name, "log4j")
	bound1 := {"deb": "0#12##0#", "rpm": "0(12##", "apk": "l12e0", "other": "k12h"}
	p.version_key >= bound1[p.version_kind]
	bound2 := {"deb": "0#12{2e#217{2e#11##0#", "rpm": "0(12(217(11##", "apk": "l12l217l11e0", "other": "k12k217k11h"}
	p.version_key < bound2[p.version_kind]
}

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

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"blacklisted_packages"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
