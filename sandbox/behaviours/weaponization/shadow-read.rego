# METADATA
# title: Hashes of passwords read
# description: >-
#   A program that has nothing to do with logging in read /etc/shadow.
# custom:
#   severity: medium
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1003.008, name: /etc/passwd and /etc/shadow, tactic: Credential Access}
#   remediation: >-
#     Run the container as another user than root, and keep hashes out of images.
package sallyport.behaviours.weaponization["shadow-read"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads %s", [lib.base(p.exe), e.path]),
	"lineage": p.lineage_id,
	"confidence": 75,
	"evidence": [lib.file_evidence(e, "opened for reading")],
} if {
	some e in lib.system_opens
	contains(e.path, "shadow")
	regex.match(`^(/host[^/]*|/mnt(/[^/]+)?|/rootfs)?/etc/g?shadow-?$`, e.path)
	p := lib.process(e)
	not lib.packaged(p.id)
	not authenticates(p)
}

authenticates(p) if {
	installed(p)
	some name in p.names
	name in lib.names_in(data.lists.account_programs)
}

installed(p) if not p.drift

installed(p) if p.provenance == "pkgmgr"
