# METADATA
# title: Only our registries
package registries

deny contains msg if {
	not input.image.registry in data.checks.registries.ours
	msg := sprintf("%s is none of our registries", [input.image.registry])
}

warn contains "no author" if input.image.author == ""
