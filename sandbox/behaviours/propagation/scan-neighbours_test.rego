package sallyport.behaviours.propagation["scan-neighbours_test"]

import data.sallyport.behaviours.propagation["scan-neighbours"] as rule
import data.sallyport.fixture as f

run(n, subnet, reads) := json.patch(
	f.observation({
		"processes": [f.process(30, ["/app/bot"], {})],
		"events": {
			"open": reads,
			"connect": [f.event(100 + i, "30.0", {"remote": object.union(f.endpoint(sprintf("%s.%d", [subnet, i]), 22), {"scope": "private"})}) | some i in numbers.range(1, n)],
		},
	}),
	[{"op": "add", "path": "/run/addresses", "value": ["172.17.0.2", "fd00::2"]}],
)

route := f.event(70, "30.0", {"path": "/proc/net/route", "probe": false})

test_neighbours if {
	found := rule.finding with input as run(12, "172.17.0", [route])
	count(found) == 1
	f.pointed(found)
}

test_not_without_looking_or_elsewhere_or_few if {
	count(rule.finding) == 0 with input as run(12, "172.17.0", [])
	count(rule.finding) == 0 with input as run(12, "10.9.0", [route])
	count(rule.finding) == 0 with input as run(9, "172.17.0", [route])
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["scan-neighbours.link"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["net-recon-local.files", "scan-neighbours.gateway", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
