package sallyport.behaviours.weaponization["vm-write-inject_test"]

import data.sallyport.behaviours.weaponization["vm-write-inject"] as rule
import data.sallyport.fixture as f

other := f.process(7, ["/usr/sbin/nginx"], {})

run(process, events) := f.observation({"processes": [other, process], "events": events})

call := {"process_vm": [f.event(31, "30.0", {"name": "process_vm_writev", "args": [7]})]}

memory := {"write": [f.event(31, "30.0", {"path": "/proc/7/mem", "flags": 2})]}

test_written if {
	every e in [call, memory] {
		found := rule.finding with input as run(f.process(30, ["/app/x"], {}), e)
		f.malicious(found)
		f.pointed(found)
	}
}

# One's own child: odd, and no proof.
test_own_child if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/app/x"], {}), f.process(31, ["/app/y"], {"ppid": 30, "parent": "30.0", "lineage": ["1.0", "30.0"]})],
		"events": {"write": [f.event(32, "30.0", {"path": "/proc/31/mem", "flags": 2})]},
	})
	count(found) == 1
	not f.malicious(found)
}

test_not_peers_debuggers_or_reading if {
	every o in [
		run(f.process(30, ["/usr/bin/gdb"], {}), call),
		run(f.process(30, ["/usr/sbin/nginx"], {}), call),
		run(f.process(30, ["/app/x"], {}), {"process_vm": [f.event(31, "30.0", {"name": "process_vm_readv", "args": [7]})]}),
		run(f.process(30, ["/app/x"], {}), {"write": [f.event(31, "30.0", {"path": "/proc/30/mem", "flags": 2}), f.event(32, "30.0", {"path": "/proc/self/mem", "flags": 2})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["vm-write-inject.proc-mem"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["vm-write-inject.own-memory", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
