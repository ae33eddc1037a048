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

# Who waited without sleep(1): its clock jumped.
jumped(flows) := object.union(run(["/srv/app"], 0, flows), {"events": {"clock_jump": [{
	"seq": 7, "ms": 1000, "count": 1, "process": "30.0", "name": "wait", "args": [7200000000000],
}]}})

test_own_timer_and_then_the_network if {
	found := rule.finding with input as jumped([f.flow("30.0", "203.0.113.5", 4444, {"first_ms": 7201100})])
	{x.severity | some x in found} == {"medium"}
	f.pointed(found)
}

test_own_timer_of_a_poller if {
	count(rule.finding) == 0 with input as jumped([f.flow("30.0", "203.0.113.5", 443, {"first_ms": 500}), f.flow("30.0", "203.0.113.5", 443, {"first_ms": 7201100})])
}

test_own_timer_and_nothing if {
	count(rule.finding) == 0 with input as jumped([])
}

# Nothing but the longest wait is known; the first process is the only one.
waited(more) := object.union(f.observation({}), {"run": object.union({"longest_sleep_ns": 250000000000, "duration_ns": 20000000000}, more)})

test_longest_wait if {
	found := rule.finding with input as waited({})
	{x.severity | some x in found} == {"info"}
	f.pointed(found)
}

test_longest_wait_is_chance_once_proved if {
	count(rule.finding) == 0 with input as waited({"ended_early": "what it had done by then is proof enough"})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["time-bomb.ten-minutes", "time-bomb.server", "time-bomb.own-timer"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["time-bomb.one-second", "time-bomb.poller", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
