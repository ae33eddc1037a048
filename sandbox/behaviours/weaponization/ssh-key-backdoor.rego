# METADATA
# title: SSH key of a stranger let in
# description: >-
#   A program wrote a key to authorized_keys, so that whoever has its other half
#   can log in. A key that neither the operator gave nor the container made came
#   with the image.
# custom:
#   severity: high
#   group: persist
#   attack_version: "18"
#   attack:
#     - {id: T1098.004, name: SSH Authorized Keys, tactic: Persistence}
#   remediation: >-
#     Do not run this image unless the key is yours. Images that serve SSH take
#     the keys of their users from a variable or a volume.
package sallyport.behaviours.weaponization["ssh-key-backdoor"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s %s %s%s", [lib.base(p.exe), t.how, t.path, lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"severity": severity(proofs, t.path),
	"confidence": 90,
	"lineage": p.lineage_id,
	"evidence": array.concat([object.union(lib.touched_evidence(t), {"data": lib.text(t.path)})], lib.first(2, locked(t.path))),
} if {
	some t in lib.touched
	regex.match(`/authorized_keys2?$`, t.path)
	p := lib.process(t.event)
	not lib.packaged(p.id)
	proofs := proof(t.path, p)
}

severity(proofs, path) := "critical" if count(proofs) > 0

else := "medium" if explained(path)

else := "medium" if given

else := "high"

# explained: every key that was left there is known.
explained(path) if {
	blobs := keys(lib.text(path))
	count(blobs) > 0
	every blob in blobs {
		known(blob)
	}
}

# given: the operator names a key in a variable; here he named none.
given if {
	some v in input.image.env
	regex.match(`(?i)^[A-Z_]*(PUBLIC_?KEY|SSH_?KEY|AUTHORIZED)[A-Z_]*=`, v)
}

proof(path, p) := ({"its key comes with the image" | some blob in keys(lib.text(path)); not known(blob)} | {"its key is written in a command" | some text in lib.told(p); some blob in keys(text); not in_environment(blob)}) | {"and the file is locked" | count(locked(path)) > 0}

# keys is the second fields of public keys: what tells one from another.
keys(text) := {found[1] |
	some found in regex.find_all_string_submatch_n(`(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp[0-9]+|sk-[a-z0-9@.-]+)[ \t]+(AAAA[A-Za-z0-9+/]{20,})`, text, 20)
}

known(blob) if in_environment(blob)

# Clusters let their own nodes in: the pair was made here.
known(blob) if {
	some path, file in lib.files
	endswith(path, ".pub")
	contains(file.head, blob)
}

in_environment(blob) if {
	some v in array.concat(input.image.env, input.image.cmd)
	contains(v, blob)
}

locked(path) := {lib.process_evidence(p, lib.command(p)) |
	some p in lib.run({"chattr"})
	path in p.argv
	some argument in p.argv
	regex.match(`^\+[a-zA-Z]*[ia]`, argument)
}
