# METADATA
# title: "ignored-vulnerabilities"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["ignored-vulnerabilities"]

# Every image.
in_scope := true

# METADATA
# title: Vulnerability score
# description: A vulnerability has a score above 7.
# custom:
#   control: max_score
deny contains finding if {
	scores := [v.score |
		some v in counted
	]
	highest := max(scores)
	highest > 7
	names := {sprintf("%s (%s)", [v.id, v.package]) |
		some v in counted
		v.score == highest
	}
	finding := {
		"control": "max_score",
		"msg": sprintf("score %v (allowed up to 7): %s", [highest, listed(names)]),
		"facts": {"maximum_score_allowed": 7, "maximum_score_found": highest},
	}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_score"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Vulnerabilities that count for this policy.
counted := [v |
	some v in input.vulnerabilities.items
	not v.id in {"CVE-2014-0160", "CVE-2020-0001"}
	not v.from_base_image
	not ignored_path(v.path)
]

# Findings in these places do not count.
ignored_path(path) if path == "/usr/share/doc"

ignored_path(path) if startswith(path, "/usr/share/doc/")

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
