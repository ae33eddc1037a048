# METADATA
# title: Docker API of other hosts used
# description: >-
#   Containers or images were created, or commands run, through the Docker API
#   of several hosts or of one that a scan had found. That is how worms on
#   containers move from machine to machine.
# custom:
#   severity: critical
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1610, name: Deploy Container, tactic: Execution}
#     - {id: T1021, name: Remote Services, tactic: Lateral Movement}
#   remediation: >-
#     Do not run this image. Close port 2375 everywhere; the Docker API needs
#     mutual TLS.
package sallyport.behaviours.propagation["docker-api-spread"]

import data.sallyport.lib

finding contains {
	"message": sprintf("asks the Docker API of %d host(s) to create or run", [count(hosts)]),
	"malicious": true,
	"confidence": 95,
	"lineage": id,
	"evidence": lib.first(6, {lib.http_evidence(h, "Docker API") |
		some h in calls
		lib.lineage(h.process) == id
	}),
} if {
	some id in {lib.lineage(h.process) | some h in calls}
	hosts := {h.ip |
		some h in calls
		lib.lineage(h.process) == id
	}
	spreads(id, hosts)
}

spreads(_, hosts) if count(hosts) >= 2

spreads(id, hosts) if {
	some sweep in lib.sweeps
	sweep.lineage == id
	count(hosts & sweep.addresses) > 0
}

# calls is what changes something: a client that only lists is a monitor.
calls := [h |
	some h in lib.requests
	h.method in {"POST", "PUT"}
	regex.match(`^(/v[0-9]+(\.[0-9]+)*)?/(containers/create|containers/[^/?]+/(exec|start|attach|archive)|exec/[^/?]+/start|images/(create|load)|build|services/create|swarm/(init|join))([/?]|$)`, h.path)
]
