package sallyport.behaviours.weaponization["memory-cred-dump_test"]

import data.sallyport.behaviours.weaponization["memory-cred-dump"] as rule
import data.sallyport.fixture as f

run(argv, paths) := f.observation({
	"processes": [f.process(30, argv, {})],
	"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in paths]},
})

test_read if {
	found := rule.finding with input as run(["/app/x"], ["/proc/7/maps", "/proc/7/mem"])
	f.malicious(found)
	f.pointed(found)
}

test_by_system_call if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/app/x"], {})],
		"events": {"process_vm": [f.event(40, "30.0", {"name": "process_vm_readv", "args": [7]})]},
	})
	f.pointed(found)
	not f.malicious(found)
}

test_not_own_debuggers_or_lists_only if {
	every o in [
		run(["/app/x"], ["/proc/30/maps", "/proc/30/mem", "/proc/self/maps", "/proc/self/mem"]),
		run(["/usr/bin/gdb"], ["/proc/7/maps", "/proc/7/mem"]),
		run(["/usr/bin/lsof"], ["/proc/7/maps", "/proc/8/maps"]),
		run(["/app/x"], ["/proc/8/maps", "/proc/7/mem"]),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["memory-cred-dump.first-process"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["memory-cred-dump.own", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
