# METADATA
# title: No package manager
# description: The image can install software while it runs.
# custom:
#   severity: medium
#   remediation: Copy the application into an image without one (distroless, scratch) in a last build stage.
package checks.no_package_manager

managers := {"apt", "aptitude", "apk-tools", "dnf", "dnf5", "microdnf", "yum", "zypper", "pip", "npm", "yarn", "gem"}

deny contains finding if {
	some p in input.packages.items
	p.name in managers
	finding := {"msg": sprintf("%s %s is a package manager", [p.name, p.full_version]), "package": p.name}
}

warn contains "nobody has listed the packages of this image" if not input.packages.known
