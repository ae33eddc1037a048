package sallyport.behaviours.propagation["scan-raw_test"]

import data.sallyport.behaviours.propagation["scan-raw"] as rule
import data.sallyport.fixture as f

socket := f.event(40, "30.0", {"args": [2, 3, 6], "probe": false})

probes(n, step, process) := [f.flow(process, sprintf("10.9.%d.%d", [floor(i / 200), i % 200]), 22, {"id": sprintf("f%d", [i]), "app": "", "refused": true, "first_ms": i * step}) |
	some i in numbers.range(1, n)
]

run(flows, sockets) := f.observation({"processes": [f.process(30, ["/app/scan"], {})], "flows": flows, "events": {"socket": sockets}})

test_packets_of_its_own_making if {
	found := rule.finding with input as run(probes(150, 2, ""), [socket])
	f.malicious(found)
	f.pointed(found)
}

test_tool_is_high if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/usr/bin/masscan", "10.0.0.0/8", "-p2375"], {})]})
	count(found) == 1
	not f.malicious(found)
}

test_not_without_socket_or_slow_or_by_connecting if {
	count(rule.finding) == 0 with input as run(probes(150, 2, ""), [])
	count(rule.finding) == 0 with input as run(probes(150, 50, ""), [socket])
	count(rule.finding) == 0 with input as run(probes(150, 2, "30.0"), [socket])
	count(rule.finding) == 0 with input as run(probes(50, 2, ""), [socket])
	count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, ["/usr/bin/masscan", "--version"], {})]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["scan-raw.syn"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["scan-raw.ping", "scan-horizontal.ssh", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
