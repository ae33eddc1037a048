# METADATA
# title: "allowed-images"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["allowed-images"]

# Every image.
in_scope := true

# allowed by this policy, by jane: moves next month
exempt contains reason if {
	some name in input.image.names
	startswith(name, "prod/legacy:")
	reason := {"control": "*", "msg": "allowed by this policy, by jane: moves next month"}
}

# denied by name: mines coins
deny contains finding if {
	some registry in input.image.registries
	registry == "ghcr.io"
	some name in input.image.repositories
	name == "evil/miner"
	finding := {"control": "allowed_images", "msg": "denied by name: mines coins"}
}

# denied by name
deny contains finding if {
	input.image.digest == "sha256:aaaa"
	finding := {"control": "allowed_images", "msg": "denied by name"}
}
