package sallyport.behaviours.communication["dead-drop_test"]

import data.sallyport.behaviours.communication["dead-drop"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {})

drop := f.flow("30.0", "198.19.0.4", 443, {"id": "f1", "app": "drop", "domain": "pastebin.com", "first_ms": 100, "in": `HTTP/1.1 200 OK\x0d\x0a\x0d\x0a203.0.113.200:8080\x0a`})

run(flows, dns) := f.observation({"processes": [bot], "flows": array.concat([drop], flows), "dns": dns})

test_goes_where_it_was_told if {
	found := rule.finding with input as run([f.flow("30.0", "203.0.113.200", 8080, {"id": "f2"})], [])
	f.malicious(found)
	f.pointed(found)
}

test_asks_for_a_name_made_of_it if {
	found := rule.finding with input as run([], [f.question("30.0", "0a1b2c3d4e5f.dyn.example", {})])
	f.malicious(found)
}

test_reading_is_medium if {
	found := rule.finding with input as run([f.flow("30.0", "198.19.0.9", 443, {"id": "f2", "domain": "api.example"})], [])
	{object.get(one, "severity", "medium") | some one in found} == {"medium"}
	not f.malicious(found)
}

# Whoever was there before was known before.
test_not_before_or_other_pages if {
	earlier := rule.finding with input as run([f.flow("30.0", "203.0.113.200", 8080, {"id": "f2", "first_ms": 50})], [])
	not f.malicious(earlier)
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "flows": [object.union(drop, {"app": "http"})]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["dead-drop.paste", "dead-drop.chain"] {
		found := rule.finding with input as data.observations[name]
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["dead-drop.own-page", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
