package sallyport.behaviours.weaponization["time-bomb_test"]

import data.sallyport.behaviours.weaponization["time-bomb"] as rule
import data.sallyport.fixture as f

run(argv, end, flows) := f.observation({"processes": [f.process(30, argv, {"end_ms": end})], "flows": flows})

test_long_wait if {
	found := rule.finding with input as run(["/bin/sleep", "600"], 0, [])
	{x.severity | some x in found} == {"info"}
	f.pointed(found)
}

test_and_then_the_network if {
	found := rule.finding with input as run(["/bin/sleep", "10m"], 1000, [f.flow("1.0", "203.0.113.5", 4444, {"first_ms": 1200})])
	{x.severity | some x in found} == {"medium"}
}

# A poller was on the network before.
test_poller if {
	found := rule.finding with input as run(["/bin/sleep", "120"], 1000, [f.flow("1.0", "203.0.113.5", 443, {"first_ms": 100}), f.flow("1.0", "203.0.113.5", 443, {"first_ms": 1200})])
	{x.severity | some x in found} == {"info"}
}

test_not_short_or_forever if {
	every argv in [["/bin/sleep", "1"], ["/bin/sleep", "60"], ["/bin/sleep", "infinity"], ["/bin/sleep", "0.5"]] {
		found := rule.finding with input as run(argv, 0, [])
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["time-bomb.ten-minutes"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["time-bomb.one-second", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
