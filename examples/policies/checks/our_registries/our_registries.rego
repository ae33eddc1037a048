# METADATA
# title: Only our registries
# description: The image comes from a registry that is not ours.
# custom:
#   severity: high
#   remediation: Mirror the image into one of our registries, and use it from there.
package checks.our_registries

deny contains message if {
	not ours
	message := sprintf("comes from %s; ours are %s", [input.image.registry, concat(", ", data.checks.our_registries.allowed)])
}

ours if input.image.registry in data.checks.our_registries.allowed
