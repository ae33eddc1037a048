# METADATA
# title: No set-uid programs
# description: The image holds programs that run with the rights of their owner, whoever starts them.
# custom:
#   severity: high
#   remediation: Remove the bit (chmod a-s FILE) in the layer that brings the file.
package checks.no_setuid

deny contains finding if {
	some path in input.image.setuid.items
	not path in data.checks.no_setuid.allowed
	finding := {"msg": sprintf("%s is set-uid", [path]), "path": path}
}

# What nobody has looked for is said, and not taken for "none".
warn contains "nobody has looked for set-uid programs in this image" if not input.image.setuid.known
