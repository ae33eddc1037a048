# METADATA
# title: "force-microenforcer"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["force-microenforcer"]

# Every image.
in_scope := true

skip contains reason if {
	reason := {"control": "force_microenforcer", "msg": "Sallyport knows no micro-enforcer"}
}
