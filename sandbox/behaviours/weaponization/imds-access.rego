# METADATA
# title: Metadata service of the cloud contacted
# description: >-
#   A program contacted the address at which a cloud tells a machine about itself,
#   and gives it credentials. Libraries of clouds do so at start; a shell that asks
#   for credentials has something else in mind.
# custom:
#   severity: low
#   group: harvest
#   attack_version: "18"
#   attack:
#     - {id: T1552.005, name: Cloud Instance Metadata API, tactic: Credential Access}
#   remediation: >-
#     Keep containers from the metadata service by a network policy, or require
#     tokens with a hop limit of one.
package sallyport.behaviours.weaponization["imds-access"]

import data.sallyport.lib

addresses := data.lists.metadata_services.addresses

finding contains {
	"message": sprintf("%s calls the metadata service %s", [lib.program(e.process), e.remote.ip]),
	"severity": "low",
	"lineage": lib.lineage(e.process),
	"evidence": [lib.contact_evidence({"event": e.seq, "ms": e.ms, "process": e.process}, e.remote.ip, e.remote.port, addresses[e.remote.ip])],
} if {
	some e in input.events.connect
	addresses[e.remote.ip]
	not e.probe
}

finding contains {
	"message": sprintf("%s asks for the metadata service by name", [lib.program(q.process)]),
	"severity": "low",
	"lineage": lib.lineage(q.process),
	"evidence": [lib.dns_evidence(q, "asked for")],
} if {
	some q in input.network.dns
	data.lists.metadata_services.domains[q.name]
}

finding contains {
	"message": sprintf("%s asks the metadata service for %s", [lib.program(h.process), what]),
	"severity": severity(input.processes[h.process]),
	"lineage": lib.lineage(h.process),
	"evidence": [lib.http_evidence(h, sprintf("answered with status %d", [h.status]))],
} if {
	some h in input.network.http
	not h.inbound
	service(h)
	some path, what in data.lists.metadata_services.credentials
	contains(h.path, path)
}

service(h) if addresses[h.ip]

service(h) if data.lists.metadata_services.domains[h.host]

severity(p) := "medium" if p.drift

else := "medium" if p.id in lib.interpreter_ids

else := "medium" if {
	some name in p.names
	name in {"curl", "wget", "nc", "busybox"}
}

else := "low"
