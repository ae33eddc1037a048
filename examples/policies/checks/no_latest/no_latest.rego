# METADATA
# title: No moving tag
# description: The image is named by a tag that moves, or by none, which means latest.
# custom:
#   severity: medium
#   remediation: Name a version, or better a digest.
package checks.no_latest

moving := {"latest", "main", "master", "edge", "nightly", "dev"}

deny contains message if {
	# Every tag of the digest moves: a version beside it would be a way to name it.
	count(input.image.tags) > 0
	every tag in input.image.tags {
		lower(tag) in moving
	}
	message := sprintf("is known only as %s; name a version or a digest", [concat(", ", input.image.tags)])
}
