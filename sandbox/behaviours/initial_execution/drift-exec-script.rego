# METADATA
# title: New script executed
# description: >-
#   A script ran that the image did not contain. Entrypoints write small scripts
#   and run them; what was fetched or decoded weighs more than what they wrote.
# custom:
#   severity: medium
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1059.004, name: Unix Shell, tactic: Execution}
#   remediation: >-
#     Put scripts into the image, and give them their values by environment or
#     arguments.
package sallyport.behaviours.initial_execution["drift-exec-script"]

import data.sallyport.lib

finding contains {
	"message": sprintf("the script %s was not in the image", [path]),
	"severity": severity(path, origin(p)),
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [object.union(lib.process_evidence(p, sprintf("runs it; it is of the kind: %s", [origin(p)])), {"path": path})],
} if {
	some [p, path] in ran
}

ran contains [p, p.script] if {
	some p in lib.drifting_scripts
	not startswith(p.script, "/dev/")
	not startswith(p.script, "/proc/")
}

# Executed by its own name.
ran contains [p, p.exe] if {
	some p in lib.drifting
	not lib.elf(p)
}

origin(p) := p.script_provenance if p.script_provenance

else := lib.files[p.script].provenance if lib.files[p.script]

else := p.provenance if p.drift

else := "unknown"

# What a program of the image wrote for itself is how entrypoints work.
severity(path, from) := "info" if {
	from in {"config", "pkgmgr", "image"}
} else := "info" if {
	strings.any_prefix_match(path, ["/run/", "/var/run/", "/etc/services.d/", "/etc/cont-init.d/", "/etc/s6-overlay/", "/etc/service/"])
	not from in {"network", "decoded"}
} else := "medium"
