package sallyport.behaviours.propagation["scan-horizontal_test"]

import data.sallyport.behaviours.propagation["scan-horizontal"] as rule
import data.sallyport.fixture as f

# sweep is one connect to each of n addresses, one every step milliseconds.
sweep(n, port, step) := [f.event(100 + i, "30.0", {
	"ms": i * step,
	"remote": f.endpoint(sprintf("10.9.0.%d", [i]), port),
	"errno": 111,
}) |
	some i in numbers.range(1, n)
]

scanner := f.process(30, ["/usr/local/bin/app"], {})

run(events, parts) := f.observation(object.union({"processes": [scanner], "events": {"connect": events}}, parts))

test_admin_port_is_malicious if {
	every port in [2375, 22, 6379, 10250] {
		found := rule.finding with input as run(sweep(60, port, 100), {})
		f.malicious(found)
		f.pointed(found)
	}
}

# nc in a loop: every attempt is a process of its own.
test_process_per_address if {
	tools := [f.process(100 + i, ["/bin/nc", "-z", sprintf("10.9.0.%d", [i]), "22"], {}) | some i in numbers.range(1, 40)]
	events := [object.union(e, {"process": sprintf("%d.0", [100 + i])}) | some i, e in array.concat([{}], sweep(40, 22, 100)); i > 0]
	found := rule.finding with input as f.observation({"processes": tools, "events": {"connect": events}})
	f.malicious(found)
}

test_other_port_is_high if {
	found := rule.finding with input as run(sweep(40, 80, 100), {})
	count(found) == 1
	not f.malicious(found)
}

test_not_few if {
	found := rule.finding with input as run(sweep(29, 22, 10), {})
	count(found) == 0
}

test_not_slow if {
	found := rule.finding with input as run(sweep(60, 22, 5000), {})
	count(found) == 0
}

test_not_with_names if {
	answers := [{"name": sprintf("db%d.example", [i]), "type": "A", "answers": [sprintf("10.9.0.%d", [i])]} | some i in numbers.range(1, 60)]
	found := rule.finding with input as run(sweep(60, 443, 100), {"dns": answers})
	count(found) == 0
}

# A peer-to-peer program goes where others told it.
told := concat(",", [sprintf("10.9.0.%d", [i]) | some i in numbers.range(1, 60)])

test_not_peers if {
	tracker := f.flow("30.0", "198.18.0.7", 443, {"in": told, "domain": "seed.example"})
	found := rule.finding with input as run(sweep(60, 8333, 100), {"flows": [tracker]})
	count(found) == 0
}

# A list of nodes of a cluster is no proof, not even for an administrator's port.
test_configured_is_not_malicious if {
	found := rule.finding with input as run(sweep(60, 6379, 100), {"image": {"env": [sprintf("NODES=%s", [told])]}})
	count(found) == 1
	not f.malicious(found)
}

test_not_datagrams_or_loopback if {
	udp := [object.union(e, {"remote": {"proto": "udp"}}) | some e in sweep(60, 22, 100)]
	count(rule.finding) == 0 with input as run(udp, {})
	own := [object.union(e, {"remote": {"scope": "loopback"}}) | some e in sweep(60, 22, 100)]
	count(rule.finding) == 0 with input as run(own, {})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["scan-horizontal.ssh"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["scan-horizontal.named-hosts", "scan-horizontal.ten-hosts", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
