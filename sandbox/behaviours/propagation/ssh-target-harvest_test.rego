package sallyport.behaviours.propagation["ssh-target-harvest_test"]

import data.sallyport.behaviours.propagation["ssh-target-harvest"] as rule
import data.sallyport.fixture as f

open(seq, path) := f.event(seq, "30.0", {"path": path, "probe": false})

places := [open(70, "/root/.ssh/known_hosts"), open(71, "/root/.ssh/config"), open(72, "/root/.ssh/id_rsa"), open(73, "/root/.bash_history")]

run(p, opens, flows) := f.observation({"processes": [p], "events": {"open": opens}, "flows": flows})

bot := f.process(30, ["/app/bot"], {})

test_gathering_is_high if {
	found := rule.finding with input as run(bot, places, [])
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_with_logins_is_malicious if {
	found := rule.finding with input as run(bot, places, [f.flow("30.0", "10.9.0.1", 22, {"app": "ssh"})])
	f.malicious(found)
}

test_not_a_client_or_few if {
	count(rule.finding) == 0 with input as run(f.process(30, ["/usr/bin/ssh"], {}), places, [])
	count(rule.finding) == 0 with input as run(bot, array.slice(places, 0, 2), [])
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["ssh-target-harvest.worm"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["ssh-spread.one-host", "ssh-target-harvest.own-key", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
