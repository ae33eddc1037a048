# METADATA
# title: No secrets in variables
# description: A variable of the image is named like one that holds a secret.
# custom:
#   severity: high
#   remediation: Give the secret when the image runs, and change it, since it was published with the image.
package checks.no_secret_variables

deny contains {"msg": sprintf("the variable %s looks like a secret", [name]), "variable": name} if {
	some name in input.image.env
	regex.match(`(?i)(^|_)(passwd|password|secret|token|api_?key|access_?key|private_?key|credentials?)($|_)`, name)
	not is_pointer(name)
}

# A file or an address of a secret is none.
is_pointer(name) if {
	some suffix in ["_FILE", "_PATH", "_URL", "_DIR", "_NAME"]
	endswith(upper(name), suffix)
}
