package sallyport.behaviours.weaponization["ptrace-inject_test"]

import data.sallyport.behaviours.weaponization["ptrace-inject"] as rule
import data.sallyport.fixture as f

other := f.process(7, ["/usr/sbin/nginx"], {})

run(process, request) := f.observation({"processes": [other, process], "events": {"ptrace": [f.event(31, "30.0", {"args": [request, 7]})]}})

test_changed if {
	every request in [4, 5, 13, 16901] {
		found := rule.finding with input as run(f.process(30, ["/app/x"], {}), request)
		f.malicious(found)
		f.pointed(found)
	}
}

test_attached if {
	found := rule.finding with input as run(f.process(30, ["/app/x"], {}), 16)
	count(found) == 1
	not f.malicious(found)
}

test_not_debuggers_children_or_looks if {
	every o in [
		run(f.process(30, ["/usr/bin/gdb", "-p", "7"], {}), 5),
		run(f.process(30, ["/usr/bin/strace"], {}), 16902),
		run(f.process(30, ["/app/x"], {}), 3),
		f.observation({
			"processes": [f.process(30, ["/app/x"], {}), f.process(31, ["/app/y"], {"ppid": 30, "parent": "30.0", "lineage": ["1.0", "30.0"]})],
			"events": {"ptrace": [f.event(32, "30.0", {"args": [13, 31]})]},
		}),
		f.observation({"processes": [f.process(30, ["/app/x"], {})], "events": {"ptrace": [f.event(32, "30.0", {"args": [5, 99]})]}}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ptrace-inject.sibling"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ptrace-inject.own-child", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
