# METADATA
# title: Kubernetes made to run something elsewhere
# description: >-
#   Commands were run through a node's own interface, a pod with power over its
#   node was created, or all secrets of the cluster were asked for. From one
#   container that is how an intruder gets the whole cluster.
# custom:
#   severity: critical
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1609, name: Container Administration Command, tactic: Execution}
#     - {id: T1610, name: Deploy Container, tactic: Execution}
#   remediation: >-
#     Do not run this image. Take rights away from service accounts that do not
#     need them, and require authentication on port 10250.
package sallyport.behaviours.propagation["kube-spread"]

import data.sallyport.lib

finding contains {
	"message": sprintf("asks %d host(s) for %s%s", [count(hosts), concat(", ", sort({c.call | some c in found})), lib.because(reasons)]),
	"malicious": count(reasons) > 0,
	"severity": severity(reasons),
	"confidence": 92,
	"lineage": id,
	"evidence": lib.first(6, {lib.flow_evidence(c.flow, "", sprintf("%s: %s", [c.call, detail(c.fields)])) | some c in found}),
} if {
	some id in ids
	found := array.concat(
		[c | some flow in on_nodes[id]; some c in node_calls(flow)],
		[c | some flow in on_servers[id]; some c in server_calls(flow)],
	)
	count(found) > 0
	hosts := {c.flow.dst_ip | some c in found}
	reasons := union({proof(c) | some c in found})
}

on_nodes := object.union({id: [] | some id in ids}, lib.app_flows("kubelet"))

on_servers := object.union({id: [] | some id in ids}, lib.app_flows("kubernetes"))

ids := {id | some app in ["kubelet", "kubernetes"]; some id, _ in input.network.apps[app]}

# node_calls: only the API server itself has a reason to run commands there.
node_calls(flow) := [{"flow": flow, "call": sprintf("%s on a node", [m.type]), "fields": m.fields} |
	some m in flow.messages
	m.type in {"run", "exec", "attach", "checkpoint"}
]

server_calls(flow) := [{"flow": flow, "call": m.type, "fields": m.fields} |
	some m in flow.messages
	grave(m)
]

grave(m) if m.type in {"create pods/exec", "get pods/exec", "create pods/attach", "create clusterrolebindings"}

grave(m) if {
	regex.match(`^(create|patch|update) (pods|daemonsets|deployments|jobs|cronjobs|replicasets|statefulsets)$`, m.type)
	powerful(m.fields)
}

grave(m) if {
	m.type == "get secrets"
	not m.fields.namespace
}

# powerful: the pod would have its node.
powerful(fields) if fields.privileged == "true"

powerful(fields) if fields.host_pid == "true"

powerful(fields) if {
	some path in split(object.get(fields, "host_paths", ""), " ")
	path in {"/", "/etc", "/root", "/home", "/proc", "/var/run", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/containerd", "/var/lib/kubelet"}
}

proof(c) := {"only the cluster itself runs commands through a node's interface"} if endswith(c.call, " on a node")

else := union({by_tool(c), elsewhere(c)})

# An operator is a program of the image that talks to its own cluster by
# itself. A shell with curl, or what came later, is none.
by_tool(c) := {"by a program that did not come with the image" | lib.drifted(c.flow.process)} | {"by a tool for downloads or an interpreter's one-liner" | tool(c.flow.process)}

tool(process) if {
	lib.goes_by(process, lib.names_in(data.lists.downloaders))
}

tool(process) if {
	p := input.processes[process]
	process in lib.interpreter_ids
	p.script == ""
}

elsewhere(c) := {"in a cluster that is not its own" |
	not c.flow.domain in {"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	c.flow.dst_ip != "10.96.0.1"
	not lib.told_at_start(c.flow.dst_ip)
	not lib.told_at_start(c.flow.domain)
}

severity(reasons) := "critical" if count(reasons) > 0

else := "high"

detail(fields) := concat(", ", [sprintf("%s=%s", [k, v]) |
	some k in ["namespace", "kind", "name", "privileged", "host_pid", "host_paths", "image", "cmd", "path"]
	v := substring(fields[k], 0, 120)
])
