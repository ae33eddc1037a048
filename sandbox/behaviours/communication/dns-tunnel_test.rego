package sallyport.behaviours.communication["dns-tunnel_test"]

import data.sallyport.behaviours.communication["dns-tunnel"] as rule
import data.sallyport.fixture as f

zone(parts) := object.union(
	{
		"name": "evil.example", "lineage": "1.0", "process": "30.0", "event": 60, "ms": 1, "last_ms": 900, "names": 60, "questions": 60,
		"failed": 0, "encoded": 60, "payload": 2400, "types": {"TXT": 60}, "generated": false, "samples": ["0a1b2c.t.evil.example"],
	},
	parts,
)

run(parts, flows) := f.observation({"processes": [f.process(30, ["/app/bot"], {})], "zones": [zone(parts)], "flows": flows})

test_many_names_are_malicious if {
	found := rule.finding with input as run({}, [])
	f.malicious(found)
	f.pointed(found)
}

test_some_names_are_high if {
	found := rule.finding with input as run({"encoded": 20}, [])
	count(found) == 1
	not f.malicious(found)
}

test_secret_in_a_few_names_is_malicious if {
	asked := f.flow("30.0", "172.17.0.1", 53, {"app": "dns", "scope": "private", "canaries": [{"name": "aws_secret_access_key", "encoding": "hex", "owner": [], "own_domain": false}]})
	found := rule.finding with input as run({"encoded": 2}, [asked])
	f.malicious(found)
}

test_not_few_or_words_or_block_lists if {
	every parts in [{"encoded": 5}, {"encoded": 0, "names": 500}, {"name": "spamhaus.org"}] {
		count(rule.finding) == 0 with input as run(parts, [])
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["dns-tunnel.hex"] {
		found := rule.finding with input as data.observations[name]
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["dns-tunnel.checksums", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
