package sallyport.behaviours.weaponization["kernel-bug-primitives_test"]

import data.sallyport.behaviours.weaponization["kernel-bug-primitives"] as rule
import data.sallyport.fixture as f

run(process, events) := f.observation({"processes": [process], "events": events})

three := {
	"syscall": [f.event(31, "30.0", {"name": "userfaultfd"}), f.event(32, "30.0", {"name": "add_key"})],
	"socket": [f.event(33, "30.0", {"args": [38, 5, 0]})],
}

test_three if {
	found := rule.finding with input as run(f.process(30, ["/app/x"], {}), three)
	f.pointed(found)
	not f.malicious(found)
}

test_and_root if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/app/x"], {"uid": 1000, "euid": 1000}), f.process(40, ["/bin/sh"], {"parent": "30.0"})],
		"events": three,
	})
	f.malicious(found)
}

test_and_root_itself if {
	found := rule.finding with input as run(f.process(30, ["/app/x"], {"uid": 1000, "euid": 1000, "elevated": true}), three)
	f.malicious(found)
}

test_not_one_or_tools if {
	every o in [
		run(f.process(30, ["/app/x"], {}), {"syscall": [f.event(31, "30.0", {"name": "io_uring_setup"}), f.event(32, "30.0", {"name": "keyctl"}), f.event(33, "30.0", {"name": "add_key"})]}),
		run(f.process(30, ["/usr/bin/perf"], {}), three),
		run(f.process(30, ["/usr/bin/stress-ng"], {}), three),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["kernel-bug-primitives.three"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["kernel-bug-primitives.one", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
