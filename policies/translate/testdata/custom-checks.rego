# METADATA
# title: "custom-checks"
# custom:
#   scope: ""
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["custom-checks"]

# Every image.
in_scope := true
