package sallyport.behaviours.propagation["package-worm_test"]

import data.sallyport.behaviours.propagation["package-worm"] as rule
import data.sallyport.fixture as f

token := {"name": "npm_token", "encoding": "raw", "owner": ["npmjs.org"], "own_domain": true}

published := {"ms": 1, "out": true, "type": "publish", "fields": {"kind": "npm", "name": "builder-tools"}}

flow(parts) := f.flow("30.0", "198.19.0.4", 443, object.union({"app": "publish", "domain": "registry.npmjs.org", "messages": [published], "canaries": [token]}, parts))

run(parts) := f.observation({
	"processes": [f.process(30, ["/usr/bin/node"], {})],
	"flows": [flow(parts)],
	"http": [f.request(flow(parts), "PUT", "/builder-tools", {})],
})

test_publishes_with_planted_token if {
	found := rule.finding with input as run({})
	f.malicious(found)
	f.pointed(found)
}

# Its own token, given by whoever runs it, is what a release needs.
test_not_with_another_token_or_reading if {
	count(rule.finding) == 0 with input as run({"canaries": []})
	count(rule.finding) == 0 with input as run({"messages": []})
	count(rule.finding) == 0 with input as run({"app": "http"})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["package-worm.npm"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["package-worm.install", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
