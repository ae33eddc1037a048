# METADATA
# title: Base image age
# description: What the image is built upon is older than the limit in data.yaml.
# custom:
#   severity: medium
#   remediation: Build the image again on the current version of its base.
package checks.base_image_age

day := ((24 * 60) * 60) * 1000000000

# The first step of the history was made with the base image.
made := time.parse_rfc3339_ns(input.image.history[0].created)

age := floor((time.parse_rfc3339_ns(input.now) - made) / day)

deny contains finding if {
	allowed := data.checks.base_image_age.max_age_days
	age > allowed
	finding := {"msg": sprintf("its base is %d days old, allowed are %d", [age, allowed]), "age_days": age}
}

# Builds that others can repeat set all times to 0: then nobody can tell.
warn contains "its history does not say when the base was made" if not known

known if made > 0
