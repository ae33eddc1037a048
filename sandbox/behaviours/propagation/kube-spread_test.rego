package sallyport.behaviours.propagation["kube-spread_test"]

import data.sallyport.behaviours.propagation["kube-spread"] as rule
import data.sallyport.fixture as f

call(type, fields) := {"ms": 1, "out": true, "type": type, "fields": fields}

run(p, app, messages, parts) := f.observation({
	"processes": [p],
	"flows": [f.flow("30.0", "10.96.0.1", 443, object.union({"app": app, "messages": messages, "domain": "kubernetes.default.svc"}, parts))],
})

operator := f.process(30, ["/manager"], {})

curl := f.process(30, ["/usr/bin/curl"], {})

daemon := call("create daemonsets", {"namespace": "kube-system", "privileged": "true", "host_paths": "/"})

test_command_on_a_node if {
	found := rule.finding with input as run(operator, "kubelet", [call("run", {"cmd": "id", "path": "/run/a/b/c"})], {})
	f.malicious(found)
	f.pointed(found)
}

test_privileged_pod_by_curl_or_elsewhere if {
	every pair in [[curl, {}], [f.process(30, ["/tmp/kubectl"], {"drift": true}), {}], [operator, {"domain": "", "dst_ip": "203.0.113.5"}]] {
		found := rule.finding with input as run(pair[0], "kubernetes", [daemon], pair[1])
		f.malicious(found)
		f.pointed(found)
	}
}

test_all_secrets_by_curl if {
	found := rule.finding with input as run(curl, "kubernetes", [call("get secrets", {"path": "/api/v1/secrets"})], {})
	f.malicious(found)
}

# A network plug-in installs itself so; that is grave, and no proof.
test_operator_of_its_own_cluster_is_no_proof if {
	found := rule.finding with input as run(operator, "kubernetes", [daemon], {})
	{one.severity | some one in found} == {"high"}
	not f.malicious(found)
}

test_not_ordinary_calls if {
	every pair in [
		["kubelet", call("metrics", {})], ["kubelet", call("pods", {})], ["kubelet", call("stats", {})],
		["kubernetes", call("get pods", {"namespace": "default"})],
		["kubernetes", call("get secrets", {"namespace": "default"})],
		["kubernetes", call("create deployments", {"namespace": "default", "image": "nginx"})],
		["kubernetes", call("create daemonsets", {"host_paths": "/var/log"})],
		["kubernetes", call("update leases", {"namespace": "default"})],
	] {
		count(rule.finding) == 0 with input as run(operator, pair[0], [pair[1]], {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["kube-spread.daemonset"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["kube-spread.scraper", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
