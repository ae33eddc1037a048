# METADATA
# title: "no-controls"
# custom:
#   scope: "image.label.\"org.opencontainers.image.vendor\".\"*\" AND image.name.a*b*:c"
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["no-controls"]

# image.label."org.opencontainers.image.vendor"."*" AND image.name.a*b*:c
in_scope if {
	v1
	v2
}

# image.label."org.opencontainers.image.vendor"."*"
v1 if {
	some name, value in input.image.labels
	name == "org.opencontainers.image.vendor"
}

# image.name.a*b*:c
v2 if {
	some value in input.image.names
	regex.match("(?s)^a.*b.*:c$", value)
}
