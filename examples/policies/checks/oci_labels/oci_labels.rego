# METADATA
# title: OCI labels
# description: The labels of the image specification are there, but do not say what they should.
# custom:
#   severity: low
#   remediation: Have the build set them, as docker/metadata-action and most build tools do.
# related_resources:
#   - https://github.com/opencontainers/image-spec/blob/main/annotations.md
package checks.oci_labels

deny contains sprintf("%s is %q, which is no address of a repository", [key, source]) if {
	some key in ["org.opencontainers.image.source"]
	source := input.image.labels[key]
	not startswith(source, "https://")
}

deny contains sprintf("%s is %q, which is no commit", [key, revision]) if {
	some key in ["org.opencontainers.image.revision"]
	revision := input.image.labels[key]
	not regex.match(`^[0-9a-f]{40}([0-9a-f]{24})?$`, revision)
}
