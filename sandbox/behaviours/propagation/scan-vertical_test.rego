package sallyport.behaviours.propagation["scan-vertical_test"]

import data.sallyport.behaviours.propagation["scan-vertical"] as rule
import data.sallyport.fixture as f

sweep(n, step) := {"lineage": "1.0", "ip": "10.9.0.1", "ports": [{"port": 1000 + i, "event": i, "ms": i * step, "process": "30.0", "named": false} |
	some i in numbers.range(1, n)
]}

run(n, step, parts) := f.observation(object.union({"processes": [f.process(30, ["/app/scan"], {})], "port_sweeps": [sweep(n, step)]}, parts))

test_many_ports if {
	found := rule.finding with input as run(25, 100, {})
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_not_few_or_slow if {
	count(rule.finding) == 0 with input as run(19, 100, {})
	count(rule.finding) == 0 with input as run(25, 3000, {})
}

test_not_files_over_ftp if {
	control := f.flow("30.0", "10.9.0.1", 21, {"app": "ftp"})
	count(rule.finding) == 0 with input as run(40, 100, {"flows": [control]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["scan-vertical.host"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["scan-vertical.few-ports", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
