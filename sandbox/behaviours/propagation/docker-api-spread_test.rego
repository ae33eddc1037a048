package sallyport.behaviours.propagation["docker-api-spread_test"]

import data.sallyport.behaviours.propagation["docker-api-spread"] as rule
import data.sallyport.fixture as f

worm := f.process(30, ["/usr/local/bin/app"], {})

to(ip) := f.flow("30.0", ip, 2375, {"app": "docker", "direct": true})

create(ip) := f.request(to(ip), "POST", "/v1.24/containers/create?name=x", {"body": `{"HostConfig":{"Binds":["/:/mnt"]}}`})

test_two_hosts if {
	found := rule.finding with input as f.observation({
		"processes": [worm],
		"flows": [to("198.18.9.1"), to("198.18.9.2")],
		"http": [create("198.18.9.1"), create("198.18.9.2")],
	})
	f.malicious(found)
	f.pointed(found)
}

test_one_host_that_was_scanned if {
	events := [f.event(100 + i, "30.0", {"ms": i, "remote": f.endpoint(sprintf("198.18.9.%d", [i]), 2375)}) | some i in numbers.range(1, 40)]
	found := rule.finding with input as f.observation({
		"processes": [worm], "events": {"connect": events},
		"flows": [to("198.18.9.1")], "http": [create("198.18.9.1")],
	})
	f.malicious(found)
}

# A client of one configured Docker host.
test_not_one_host if {
	found := rule.finding with input as f.observation({"processes": [worm], "flows": [to("198.18.9.1")], "http": [create("198.18.9.1")]})
	count(found) == 0
}

test_not_listing if {
	found := rule.finding with input as f.observation({
		"processes": [worm],
		"flows": [to("198.18.9.1"), to("198.18.9.2")],
		"http": [
			f.request(to("198.18.9.1"), "GET", "/containers/json", {}),
			f.request(to("198.18.9.2"), "GET", "/events", {}),
			f.request(to("198.18.9.2"), "POST", "/api/containers/create", {}),
		],
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["docker-api-spread.containers"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["docker-api-spread.own-engine", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
