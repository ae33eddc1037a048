package sallyport.behaviours.communication["dga-dns_test"]

import data.sallyport.behaviours.communication["dga-dns"] as rule
import data.sallyport.fixture as f

zone(i, parts) := object.union(
	{
		"name": sprintf("x%djwqkz.com", [i]), "lineage": "1.0", "process": "30.0", "event": 60 + i, "ms": i, "last_ms": i, "names": 1, "questions": 2,
		"failed": 2, "encoded": 0, "payload": 0, "types": {"A": 1}, "generated": true, "samples": [sprintf("x%djwqkz.com", [i])],
	},
	parts,
)

run(n, zone_parts, p) := f.observation({"processes": [f.process(30, ["/app/bot"], p)], "zones": [zone(i, zone_parts) | some i in numbers.range(1, n)]})

test_some_are_high if {
	found := rule.finding with input as run(25, {}, {})
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_many_or_new_program_are_malicious if {
	found := rule.finding with input as run(60, {}, {})
	f.malicious(found)
	dropped := rule.finding with input as run(25, {}, {"drift": true})
	f.malicious(dropped)
}

test_not_few_or_existing_or_readable if {
	count(rule.finding) == 0 with input as run(19, {}, {})
	count(rule.finding) == 0 with input as run(60, {"failed": 0}, {})
	count(rule.finding) == 0 with input as run(60, {"generated": false}, {})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["dga-dns.search"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["dga-dns.suffixes", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
