# METADATA
# title: "max-score"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["max-score"]

# Every image.
in_scope := true

# METADATA
# title: Vulnerability score
# description: A vulnerability has a score above 7.5.
# custom:
#   control: max_score
deny contains finding if {
	input.summary.vulnerabilities.all.max_score > 7.5
	worst := input.summary.vulnerabilities.all
	finding := {
		"control": "max_score",
		"msg": sprintf("score %v (allowed up to 7.5): %s", [worst.max_score, worst.max_score_in]),
		"facts": {"maximum_score_allowed": 7.5, "maximum_score_found": worst.max_score},
	}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_score"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}
