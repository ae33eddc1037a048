package sallyport.behaviours.initial_execution["anti-debug_test"]

import data.sallyport.behaviours.initial_execution["anti-debug"] as rule
import data.sallyport.fixture as f

traced(processes) := f.observation({"processes": processes, "events": {"ptrace": [f.event(31, "30.0", {"args": [0, 0], "name": "PTRACE_TRACEME"})]}})

test_asks_to_be_traced if {
	found := rule.finding with input as traced([f.process(30, ["/app"], {})])
	count(found) == 1
	f.pointed(found)
	not f.malicious(found)
}

# Debuggers start programs this way.
test_not_child_of_a_debugger if {
	count(rule.finding) == 0 with input as traced([f.process(30, ["/app"], {"forked": true, "children": ["30.1"]}), f.process(31, ["/bin/target"], {"id": "30.1", "pid": 30, "parent": "30.0"})])
	count(rule.finding) == 0 with input as traced([f.process(29, ["/usr/bin/strace", "x"], {}), f.process(30, ["/app"], {"lineage": ["1.0", "29.0"]})])
}

test_not_other_requests if {
	count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, ["/app"], {})], "events": {"ptrace": [f.event(31, "30.0", {"args": [16, 7]})]}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["anti-debug.trace-me"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["anti-debug.debugger", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
