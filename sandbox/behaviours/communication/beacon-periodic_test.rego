package sallyport.behaviours.communication["beacon-periodic_test"]

import data.sallyport.behaviours.communication["beacon-periodic"] as rule
import data.sallyport.fixture as f

rhythm(parts) := object.union(
	{
		"lineage": "1.0", "process": "30.0", "event": 60, "ms": 100, "last_ms": 50100, "host": "c2.example", "ip": "198.19.0.4", "port": 443, "proto": "tcp",
		"app": "http", "scope": "public", "direct": false, "calls": 6, "interval_ms": 10000, "jitter": 0.05, "size": 120, "spread": 0.01,
	},
	parts,
)

run(parts, image) := f.observation({"image": image, "processes": [f.process(30, ["/app/bot"], {})], "rhythms": [rhythm(parts)]})

test_rhythm_is_medium if {
	every parts in [{}, {"host": "203.0.113.9", "direct": true}] {
		found := rule.finding with input as run(parts, {})
		{one.severity | some one in found} == {"medium"}
		not f.malicious(found)
		f.pointed(found)
	}
}

test_telemetry_is_low if {
	found := rule.finding with input as run({"host": "intake.logs.datadoghq.com"}, {})
	{one.severity | some one in found} == {"low"}
}

test_not_large_or_varied if {
	every parts in [{"size": 100000}, {"spread": 0.6}] {
		count(rule.finding) == 0 with input as run(parts, {})
	}
}

test_not_neighbours if {
	every parts in [{"host": "db"}, {"host": "api.shop.svc.cluster.local"}, {"host": "10.0.3.4", "scope": "private"}, {"app": "redis"}] {
		count(rule.finding) == 0 with input as run(parts, {})
	}
	count(rule.finding) == 0 with input as run({}, {"env": ["UPSTREAM=https://c2.example/"]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["beacon-periodic.every-second"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["beacon-periodic.irregular", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
