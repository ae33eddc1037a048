package sallyport.behaviours.communication["sinkhole-contact_test"]

import data.sallyport.behaviours.communication["sinkhole-contact"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {})

test_blocked_name if {
	found := rule.finding with input as f.observation({"processes": [bot], "dns": [f.question("30.0", "www.toknowall.com", {})]})
	f.pointed(found)
	not f.malicious(found)
}

test_impossible_address if {
	every ip in ["240.1.2.3", "0.1.2.3"] {
		found := rule.finding with input as f.observation({"processes": [bot], "events": {"connect": [f.event(70, "30.0", {"remote": f.endpoint(ip, 443)})]}})
		f.pointed(found)
	}
}

test_address_of_the_operators_list if {
	found := rule.finding with input as f.observation({"processes": [bot], "events": {"connect": [f.event(70, "30.0", {"remote": f.endpoint("198.51.100.66", 443)})]}})
		with data.lists.blocked_hosts.addresses as ["198.51.100.66"]
	f.pointed(found)
}

test_not_placeholders if {
	every ip in ["192.0.2.1", "198.51.100.7", "203.0.113.9", "24.1.2.3"] {
		count(rule.finding) == 0 with input as f.observation({"processes": [bot], "events": {"connect": [f.event(70, "30.0", {"remote": f.endpoint(ip, 443)})]}})
	}
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "dns": [f.question("30.0", "www.example.com", {})]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["sinkhole-contact.switch"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["sinkhole-contact.placeholders", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
