# METADATA
# title: Token of the service account read
# description: >-
#   A program read the token that Kubernetes gives a pod. Clients of the cluster
#   do so; a shell or a general tool that does so prepares something else.
# custom:
#   severity: low
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1528, name: Steal Application Access Token, tactic: Credential Access}
#   remediation: >-
#     Set automountServiceAccountToken to false for pods that do not call the
#     cluster.
package sallyport.behaviours.weaponization["sa-token-read"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s reads the token of the pod's service account", [lib.base(p.exe)]),
	"severity": severity(p),
	"lineage": p.lineage_id,
	"evidence": [lib.file_evidence(e, "opened for reading")],
} if {
	some e in lib.system_opens
	endswith(e.path, "token")
	regex.match(`/run/secrets/(kubernetes\.io/serviceaccount|eks\.amazonaws\.com/serviceaccount|tokens)(/\.\.[^/]+)?/[^/]*token$`, e.path)
	p := lib.process(e)
}

severity(p) := "medium" if p.drift

else := "medium" if p.id in lib.shell_ids

else := "medium" if {
	some name in p.names
	name in {"cat", "head", "tail", "sed", "awk", "grep", "cp", "dd", "base64", "curl", "wget", "tee", "xxd", "tar"}
}

else := "low"
