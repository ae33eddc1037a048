# METADATA
# title: Flood of traffic to one target
# description: >-
#   More than 500 packets or 200 requests a second went to one address for what
#   makes ten seconds, or packets under false addresses. That is an attack on
#   whoever is there.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1498, name: Network Denial of Service, tactic: Impact}
#     - {id: T1499, name: Endpoint Denial of Service, tactic: Impact}
#   remediation: >-
#     Do not run this image. A tool that makes load needs a policy of its own,
#     and a network in which it meets only what is yours.
package sallyport.behaviours.collection_exfiltration["ddos-flood"]

import data.sallyport.lib

finding contains {
	"message": sprintf("sends up to %d %s within ten seconds to %s%s", [t.peak, unit[t.kind], place(t), note(t)]),
	"malicious": count(proof(t)) > 0,
	"severity": severity(t),
	"confidence": 92,
	"lineage": lib.lineage(sender(t)),
	"evidence": [object.union(
		lib.traffic_evidence(t, sprintf("%d in all, %d of them under false addresses", [t.count, t.spoofed])),
		{"process": sender(t), "event": seen(t)},
	)],
} if {
	some t in input.network.traffic
	flood(t)
}

unit := {"udp": "datagrams", "icmp": "echo requests", "syn": "attempts to connect", "http": "requests"}

flood(t) if t.spoofed >= 100

flood(t) if {
	t.scope in lib.outside
	t.kind in {"udp", "icmp", "syn"}
	t.peak >= 5000
	not meant(t)
}

# One connection on which a program asks again and again waits for news: what a
# server answers late, the simulated one answers at once.
flood(t) if {
	t.scope in lib.outside
	t.kind == "http"
	t.peak >= 2000
	count([1 | some i in input.network.apps.http[lib.lineage(t.process)]; input.network.flows[i].dst_ip == t.ip]) >= 50
}

# meant: what many packets are sent to anyway. Resolvers, and collectors of
# figures and logs: syslog, NetFlow, StatsD, collectd, Graylog, Jaeger, OTLP.
meant(t) if {
	t.kind == "udp"
	t.port in {53, 123, 443, 514, 1514, 2055, 4317, 4318, 4739, 6343, 6831, 6832, 8089, 8092, 8094, 8125, 9995, 9996, 12201, 25826}
}

proof(t) := {"false addresses" | t.spoofed >= 100} | {"nobody configured the target" |
	not reconnecting(t)
	not lib.told_at_start(t.ip)
	not lib.told_at_start(t.domain)
}

# reconnecting: a client that is sent away at once and does not wait before it
# tries again, at a host that it knows by name or that is near.
reconnecting(t) if {
	t.kind == "syn"
	t.domain != ""
}

reconnecting(t) if {
	t.kind == "syn"
	t.scope == "private"
}

note(t) := ", under false addresses" if t.spoofed >= 100

else := ""

severity(t) := "critical" if count(proof(t)) > 0

else := "high"

place(t) := t.domain if t.domain != ""

else := t.ip

# sender is the process of the first flow; packets of its own making have none,
# and whoever can make them has a socket for it.
sender(t) := t.process if t.process != ""

else := lib.raw_sockets[0].process if count(lib.raw_sockets) > 0

else := ""

seen(t) := t.event if t.event > 0

else := lib.raw_sockets[0].seq if count(lib.raw_sockets) > 0

else := 0
