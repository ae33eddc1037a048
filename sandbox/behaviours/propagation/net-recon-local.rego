# METADATA
# title: Networks around the container explored
# description: >-
#   Routes, neighbours, interfaces or connections were listed in several ways.
#   An intruder does that to see where to go next; so do people who debug.
# custom:
#   severity: low
#   group: recon
#   attack_version: "18"
#   attack:
#     - {id: T1016, name: System Network Configuration Discovery, tactic: Discovery}
#   remediation: >-
#     Find out what the image needs this for.
package sallyport.behaviours.propagation["net-recon-local"]

import data.sallyport.lib

finding contains {
	"message": sprintf("lists the network in %d ways: %s", [count(kinds), concat(", ", sort(kinds))]),
	"malicious": false,
	"confidence": 75,
	"lineage": id,
	"evidence": lib.first(6, {l.evidence | some l in looks; l.lineage == id}),
} if {
	some id in {l.lineage | some l in looks}
	kinds := {l.kind | some l in looks; l.lineage == id}
	count(kinds) >= 3
}

# looks is shared with scan-neighbours.
looks := array.concat(tools, reads)

tools := [{"lineage": p.lineage_id, "kind": kind, "evidence": lib.process_evidence(p, kind)} |
	some id in lib.going_by({"ip", "route", "arp", "ifconfig", "netstat", "ss", "hostname", "nmcli", "networkctl", "iwconfig", "ipconfig"})
	p := input.processes[id]
	kind := kind_of(p)
]

# kind_of is what a tool shows; one that sets something up shows nothing.
kind_of(p) := "routes" if {
	"ip" in p.names
	regex.match(`^\S+( -\S+)* (r|ro|rou|rout|route)( (show|list|ls|get).*)?$`, lib.command_line(p))
} else := "neighbours" if {
	"ip" in p.names
	regex.match(`^\S+( -\S+)* n(e|ei|eig|eigh|eighb|eighbo|eighbor|eighbour)?( (show|list|ls).*)?$`, lib.command_line(p))
} else := "interfaces" if {
	"ip" in p.names
	regex.match(`^\S+( -\S+)* (a|ad|add|addr|address|l|li|lin|link)( (show|list|ls).*)?$`, lib.command_line(p))
} else := "routes" if {
	"route" in p.names
	count(p.argv) <= 2
} else := "neighbours" if "arp" in p.names

else := "interfaces" if {
	"ifconfig" in p.names
	count(p.argv) <= 2
} else := "connections" if {
	some name in ["netstat", "ss"]
	name in p.names
} else := "addresses" if {
	"hostname" in p.names
	p.argv[1] in {"-i", "-I", "--ip-address", "--all-ip-addresses"}
} else := "interfaces" if {
	some name in ["nmcli", "networkctl", "iwconfig"]
	name in p.names
}

# reads: the C library and runtimes look at if_inet6, and at limits in sys.
reads := [{"lineage": lib.lineage(e.process), "kind": kind, "evidence": lib.file_evidence(e, kind)} |
	some e in input.events.open
	startswith(e.path, "/proc/")
	contains(e.path, "/net/")
	not e.probe
	some end, kind in {"/route": "routes", "/ipv6_route": "routes", "/fib_trie": "routes", "/arp": "neighbours", "/tcp": "connections", "/tcp6": "connections", "/udp": "connections", "/dev": "interfaces"}
	endswith(e.path, sprintf("/net%s", [end]))
]
