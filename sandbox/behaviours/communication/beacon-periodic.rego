# METADATA
# title: Regular small calls to one place
# description: >-
#   A program called the same place at regular intervals and sent about the
#   same each time. So bots ask for orders; so does honest telemetry.
# custom:
#   severity: medium
#   group: control
#   attack_version: "18"
#   attack:
#     - {id: T1071.001, name: Web Protocols, tactic: Command and Control}
#     - {id: T1029, name: Scheduled Transfer, tactic: Exfiltration}
#   remediation: >-
#     Find out what is called and why; allow only that in the network policy.
package sallyport.behaviours.communication["beacon-periodic"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s calls %s %d times, every %.1f s", [lib.program(r.process), r.host, r.calls, r.interval_ms / 1000]),
	"malicious": false,
	"severity": severity(r),
	"confidence": 70,
	"lineage": r.lineage,
	"evidence": [{
		"type": "network", "event": r.event, "ms": r.ms, "process": r.process, "dst": lib.address(r.ip, r.port), "domain": r.host,
		"detail": sprintf("%d calls of about %d bytes, %.1f s apart, give or take %d %%", [r.calls, r.size, r.interval_ms / 1000, round(r.jitter * 100)]),
	}],
} if {
	some r in input.network.rhythms
	r.size <= 4096
	r.spread <= 0.2
	not neighbour(r)
}

# neighbour: a service of the same application, which is asked for its health.
neighbour(r) if not contains(r.host, ".")

neighbour(r) if lib.under(r.host, {"svc", "local", "internal", "cluster.local"})

neighbour(r) if {
	r.scope == "private"
	not r.direct
}

neighbour(r) if lib.told_at_start(r.host)

neighbour(r) if r.app in {"postgresql", "mysql", "mssql", "mongodb", "redis"}

# An interval alone is what telemetry has as well.
severity(r) := "medium" if r.direct

else := "medium" if lib.drifted(r.process)

else := "low" if known(r)

else := "medium"

known(r) if lib.under(r.host, lib.names_in(data.lists.telemetry))
