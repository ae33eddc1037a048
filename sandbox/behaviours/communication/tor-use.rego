# METADATA
# title: Tor used
# description: >-
#   The image goes through the Tor network, or to a service that only exists
#   there. Nobody can tell who gives the orders, nor block them.
# custom:
#   severity: high
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1090.003, name: Multi-hop Proxy, tactic: Command and Control}
#   remediation: >-
#     Do not run this image where Tor is not its purpose; block relays in the
#     network policy.
package sallyport.behaviours.communication["tor-use"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s: %s%s", [lib.program(sign.process), sign.what, lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"severity": severity(reasons),
	"confidence": 85,
	"lineage": lib.lineage(sign.process),
	"evidence": [sign.evidence],
} if {
	some sign in signs
	reasons := {"by a program that did not come with the image" |
		sign.kind in {"program", "onion"}
		lib.drifted(sign.process)
	}
}

signs contains {"kind": "onion", "process": n.process, "what": sprintf("asks for %s", [n.name]), "evidence": lib.name_evidence(n, "exists only within Tor")} if {
	some domain, list in input.network.domains
	onion(domain)
	some n in list
}

signs contains {"kind": "onion", "process": h.process, "what": sprintf("wants %s", [h.host]), "evidence": lib.http_evidence(h, "exists only within Tor")} if {
	some h in lib.requests
	endswith(h.host, ".onion")
}

signs contains {"kind": "gateway", "process": n.process, "what": sprintf("asks %s", [n.name]), "evidence": lib.name_evidence(n, "a gateway into Tor")} if {
	some n in lib.names_under({d | some d in data.lists.tor.gateways})
}

signs contains {"kind": "relay", "process": n.process, "what": sprintf("asks %s", [n.name]), "evidence": lib.name_evidence(n, "tells where Tor's bridges are")} if {
	some n in lib.names_under({d | some d in data.lists.tor.domains})
}

signs contains {"kind": "relay", "process": c.process, "what": sprintf("contacts %s", [lib.address(ip, to_number(port))]), "evidence": lib.contact_evidence(c, ip, to_number(port), "a directory of Tor")} if {
	some id, ports in input.network.contacts
	some port, contacts in ports
	some ip in data.lists.tor.authorities
	c := contacts[ip]
}

signs contains {"kind": "relay", "process": h.process, "what": sprintf("asks %s for %s", [h.host, h.path]), "evidence": lib.http_evidence(h, "the interface of Tor's directories")} if {
	some h in lib.requests
	regex.match(`^/tor/(status-vote|server|micro|keys|extra|rendezvous)`, h.path)
}

signs contains {"kind": "onion", "process": flow.process, "what": sprintf("goes to %s over a proxy", [m.fields.host]), "evidence": lib.flow_evidence(flow, "", sprintf("asks the proxy for %s", [m.fields.host]))} if {
	some flow in lib.outgoing
	some m in flow.messages
	m.type == "connect"
	endswith(m.fields.host, ".onion")
}

# After TLS with a name that does not exist, relays begin with a cell of
# versions: circuit 0, command 7, a length, numbers of two bytes. tor-spec §4.
signs contains {"kind": "relay", "process": flow.process, "what": sprintf("speaks to a relay at %s", [lib.address(flow.dst_ip, flow.dst_port)]), "evidence": lib.flow_evidence(flow, flow.out, "a cell of versions")} if {
	some _, flows in lib.app_flows("raw")
	some flow in flows
	flow.tls
	regex.match(`^\\x00\\x00\\x07\\x00(\\x02|\\x04|\\x06|\\x08)\\x00`, flow.out)
}

signs contains {"kind": "program", "process": p.id, "what": sprintf("runs %s", [lib.command(p)]), "evidence": lib.process_evidence(p, "a program of Tor")} if {
	some id in lib.going_by({n | some n in data.lists.tor.programs})
	p := input.processes[id]
	not asks_about(p)
}

onion(domain) if {
	endswith(domain, ".onion")
	count(split(domain, ".")) == 2
}

asks_about(p) if p.argv[1] in {"--version", "--help", "-h"}

# purpose: the image's first program is Tor, or a proxy over it.
purpose if {
	some word in array.concat(input.image.entrypoint, input.image.cmd)
	some name in data.lists.tor.programs
	lib.base(word) == name
}

severity(reasons) := "critical" if count(reasons) > 0

else := "medium" if purpose

else := "high"
