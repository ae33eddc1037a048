package sallyport.behaviours.communication["raw-listener_test"]

import data.sallyport.behaviours.communication["raw-listener"] as rule
import data.sallyport.fixture as f

socket := f.event(40, "30.0", {"args": [17, 3, 768], "probe": false})

filter := f.event(41, "30.0", {"name": "SO_ATTACH_FILTER", "args": [4], "probe": false})

run(p, events) := f.observation({"processes": [p], "events": events})

bot := f.process(30, ["/usr/sbin/smartadm"], {})

test_filter_without_port_is_malicious if {
	every args in [[17, 3, 768], [2, 3, 6], [2, 524291, 1]] {
		found := rule.finding with input as run(bot, {"socket": [object.union(socket, {"args": args})], "sockopt": [filter]})
		f.malicious(found)
		f.pointed(found)
	}
}

test_server_with_a_port_is_high if {
	found := rule.finding with input as run(bot, {"socket": [socket], "sockopt": [filter], "listen": [f.event(42, "30.0", {})]})
	count(found) == 1
	not f.malicious(found)
}

test_not_known_programs_or_without_filter if {
	every p in [f.process(30, ["/usr/sbin/tcpdump"], {}), f.process(30, ["/sbin/udhcpc"], {}), f.process(30, ["/bin/busybox", "ping"], {})] {
		count(rule.finding) == 0 with input as run(p, {"socket": [socket], "sockopt": [filter]})
	}
	count(rule.finding) == 0 with input as run(bot, {"socket": [socket]})
	count(rule.finding) == 0 with input as run(bot, {"socket": [object.union(socket, {"args": [2, 1, 0]})], "sockopt": [filter]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["raw-listener.knock"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["raw-listener.no-filter", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
