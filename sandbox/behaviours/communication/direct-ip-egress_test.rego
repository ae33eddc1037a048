package sallyport.behaviours.communication["direct-ip-egress_test"]

import data.sallyport.behaviours.communication["direct-ip-egress"] as rule
import data.sallyport.fixture as f

run(flow, drift) := f.observation({"processes": [f.process(30, ["/app"], {"drift": drift})], "flows": [flow]})

direct(parts) := f.flow("30.0", "203.0.113.50", 4444, object.union({"direct": true}, parts))

test_low if {
	found := rule.finding with input as run(direct({}), false)
	{f.severity | some f in found} == {"low"}
	not f.malicious(found)
	f.pointed(found)
}

test_medium_for_new_program if {
	found := rule.finding with input as run(direct({}), true)
	{f.severity | some f in found} == {"medium"}
}

test_ipv6 if {
	found := rule.finding with input as run(direct({"dst_ip": "2001:db8::5"}), false)
	some one in found
	contains(one.message, "[2001:db8::5]:4444")
}

test_not_expected_addresses if {
	every parts in [
		{"direct": false, "domain": "api.example"},
		{"dst_port": 53, "proto": "udp", "app": "dns"},
		{"dst_port": 123, "proto": "udp"},
		{"dst_ip": "127.0.0.1", "scope": "loopback"},
		{"dst_ip": "10.0.0.7", "scope": "private"},
		{"inbound": true},
		{"probe": true},
	] {
		found := rule.finding with input as run(direct(parts), false)
		count(found) == 0
	}
}

# Peers are told by other peers.
test_not_peer_to_peer if {
	peers := [f.flow("30.0", sprintf("203.0.113.%d", [i]), 8333, {"direct": true, "first_ms": i, "in": sprintf("peers 203.0.113.%d", [i + 1])}) | some i in numbers.range(1, 20)]
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/app"], {})], "flows": peers})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["direct-ip-egress.tcp"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["direct-ip-egress.loopback", "direct-ip-egress.named", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
