# METADATA
# title: "trusted-base-images"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["trusted-base-images"]

# Every image.
in_scope := true

# docker.io/debian:12*
trusted_base if {
	some base in input.image.base_images.items
	not base.claimed
	some registry in base.registries
	registry == "docker.io"
	some name in base.names
	startswith(name, "debian:12")
}

# distroless/static@sha256:aaaa
trusted_base if {
	some base in input.image.base_images.items
	not base.claimed
	some name in base.repositories
	name == "distroless/static"
	base.digest == "sha256:aaaa"
}

# registry.corp.example/*
trusted_base if {
	some base in input.image.base_images.items
	not base.claimed
	some registry in base.registries
	registry == "registry.corp.example"
	base.repository
}

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
		"facts": {"allowed_base_images": ["docker.io/debian:12*", "distroless/static@sha256:aaaa", "registry.corp.example/*"]},
	}
}

# Nobody knows the base image: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.base_images.known
	some control in {"trusted_base_images"}
	why := object.get(input, ["image", "base_images", "reason"], "nobody knows what this image is built on")
	reason := {"control": control, "msg": why, "missing": true}
}
