package sallyport.behaviours.collection_exfiltration["ddos-flood_test"]

import data.sallyport.behaviours.collection_exfiltration["ddos-flood"] as rule
import data.sallyport.fixture as f

traffic(kind, peak, parts) := object.union(
	{
		"kind": kind, "ip": "203.0.113.80", "domain": "", "scope": "public", "port": 80, "count": peak, "peak": peak, "spoofed": 0,
		"first_ms": 100, "last_ms": 9000, "process": "30.0", "event": 70,
	},
	parts,
)

run(t, parts) := f.observation(object.union({"processes": [f.process(30, ["/app/bot"], {})], "traffic": [t]}, parts))

test_floods if {
	every t in [traffic("udp", 9000, {}), traffic("syn", 6000, {}), traffic("icmp", 6000, {})] {
		found := rule.finding with input as run(t, {})
		f.malicious(found)
		f.pointed(found)
	}
}

asking(n) := [f.flow("30.0", "203.0.113.80", 80, {"id": sprintf("f%d", [i]), "app": "http", "domain": "victim.example"}) | some i in numbers.range(1, n)]

test_requests_over_many_connections if {
	found := rule.finding with input as run(traffic("http", 2500, {"domain": "victim.example"}), {"flows": asking(60)})
	f.malicious(found)
	f.pointed(found)
}

# A bot that waits for messages asks again as soon as it is answered.
test_not_one_connection_that_waits_for_news if {
	count(rule.finding) == 0 with input as run(traffic("http", 5000, {"domain": "api.telegram.org"}), {"flows": asking(2)})
}

test_client_that_connects_again_is_no_proof if {
	found := rule.finding with input as run(traffic("syn", 6000, {"domain": "db.example"}), {})
	{one.severity | some one in found} == {"high"}
	not f.malicious(found)
}

# Packets of a program's own making are nobody's flow; the socket tells whose.
test_false_addresses if {
	socket := f.event(40, "30.0", {"args": [2, 3, 255], "probe": false})
	found := rule.finding with input as run(traffic("syn", 300, {"spoofed": 300, "process": "", "event": 0}), {"events": {"socket": [socket]}})
	f.malicious(found)
	f.pointed(found)
	{one.lineage | some one in found} == {"1.0"}
}

test_load_tool_with_its_target_is_no_proof if {
	found := rule.finding with input as run(traffic("http", 5000, {"domain": "shop.example"}), {"flows": asking(60), "image": {"cmd": ["-c", "100", "http://shop.example/"]}})
	count(found) == 1
	not f.malicious(found)
}

test_not_much_or_meant if {
	every t in [
		traffic("udp", 4000, {}), traffic("http", 1500, {}), traffic("syn", 1000, {}),
		traffic("udp", 9000, {"port": 8125}), traffic("udp", 9000, {"port": 53}),
		traffic("udp", 9000, {"scope": "own"}), traffic("udp", 9000, {"scope": "loopback"}),
	] {
		count(rule.finding) == 0 with input as run(t, {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["ddos-flood.datagrams"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["ddos-flood.metrics", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
