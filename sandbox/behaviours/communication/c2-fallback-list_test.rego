package sallyport.behaviours.communication["c2-fallback-list_test"]

import data.sallyport.behaviours.communication["c2-fallback-list"] as rule
import data.sallyport.fixture as f

repeat(parts) := object.union(
	{
		"lineage": "1.0", "process": "30.0", "event": 70, "ms": 1, "last_ms": 900, "words": "GET /gate.php", "app": "http",
		"places": ["a.example", "b.example", "203.0.113.9"], "count": 3, "direct": 1,
	},
	parts,
)

run(parts, p, image) := f.observation({"image": image, "processes": [p], "repeats": [repeat(parts)]})

bot := f.process(30, ["/app/bot"], {})

test_list_of_masters if {
	found := rule.finding with input as run({}, bot, {})
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_not_neighbours_or_configured_or_installers_or_attacks if {
	count(rule.finding) == 0 with input as run({"places": ["etcd-0", "etcd-1", "etcd-2"]}, bot, {})
	count(rule.finding) == 0 with input as run({}, bot, {"env": ["SEEDS=a.example,b.example"]})
	count(rule.finding) == 0 with input as run({}, f.process(30, ["/usr/bin/apt-get"], {}), {})
	count(rule.finding) == 0 with input as run({"app": "docker"}, bot, {})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["c2-fallback-list.gates"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["c2-fallback-list.one-owner", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
