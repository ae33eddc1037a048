# METADATA
# title: Blocked or impossible host wanted
# description: >-
#   A name or address was contacted that is on a list of blocked ones, or that
#   cannot be anybody's on the internet. It tells of old malware, or of a
#   mistake.
# custom:
#   severity: low
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1071, name: Application Layer Protocol, tactic: Command and Control}
#   remediation: >-
#     Find out what the image wants there.
package sallyport.behaviours.communication["sinkhole-contact"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s asks for %s", [lib.program(n.process), n.name]),
	"malicious": false,
	"confidence": 80,
	"lineage": n.lineage,
	"evidence": [lib.name_evidence(n, "is on the list of blocked names")],
} if {
	some n in lib.names_under(lib.names_in(data.lists.blocked_hosts))
}

finding contains {
	"message": sprintf("%s contacts %s", [lib.program(c.process), lib.address(ip, to_number(port))]),
	"malicious": false,
	"confidence": 70,
	"lineage": id,
	"evidence": [lib.contact_evidence(c, ip, to_number(port), why(ip))],
} if {
	some id, ports in input.network.contacts
	some port, contacts in ports
	count(contacts) < 30 # else it is a scan, which is told elsewhere
	some ip, c in contacts
	why(ip)
}

# why: RFC 6890 §2.2.2. Addresses for documentation are placeholders.
why(ip) := "is on the list of blocked addresses" if {
	some blocked in data.lists.blocked_hosts.addresses
	ip == blocked
} else := "is reserved: nobody can have it" if regex.match("^(24[0-9]|25[0-5]|0)\\.", ip)
