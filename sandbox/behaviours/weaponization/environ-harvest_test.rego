package sallyport.behaviours.weaponization["environ-harvest_test"]

import data.sallyport.behaviours.weaponization["environ-harvest"] as rule
import data.sallyport.fixture as f

run(process, pids, parts) := f.observation(object.union(parts, {
	"processes": [process],
	"events": {"open": [f.event(40 + pid, "30.0", {"path": sprintf("/proc/%d/environ", [pid])}) | some pid in pids]},
}))

reader := f.process(30, ["/bin/cat"], {})

test_three_processes if {
	found := rule.finding with input as run(reader, [1, 7, 9], {})
	f.pointed(found)
	not f.malicious(found)
}

test_and_sent if {
	found := rule.finding with input as run(reader, [1, 7, 9], {"flows": [f.flow("30.0", "203.0.113.9", 443, {"first_ms": 900, "last_ms": 999})]})
	f.malicious(found)
}

test_not_own_few_or_viewers if {
	every o in [run(reader, [1, 30], {}), run(f.process(30, ["/usr/bin/ps", "auxe"], {}), [1, 7, 9], {}), run(f.process(30, ["/usr/bin/gdb"], {}), [1, 7, 9], {})] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["environ-harvest.all-processes"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["environ-harvest.own", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
